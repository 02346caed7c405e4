/** A booted machine: memory nodes with their free pages, per-CPU lists filled once, the zero page. */
import { hops, type Profile } from '../machine/profile.ts';
import { __rmqueue } from './page_alloc.ts';
import { Disk } from './fs.ts';
import type { FaultPath } from './fault-path.ts';
import { Smp } from '../sync/smp.ts';
import { Tlb } from '../sync/tlb.ts';
import { TableReads } from './table-reads.ts';
import { type Config, defaultConfig, Page, PerCpuPages, type System, Zone } from './structs.ts';

/** Batch of the per-CPU lists: 256 KiB of pages, a quarter of it at a time (free_area_init_core; UNVERIFIED for 2.6.10). */
const PCP_BYTES = 256 * 1024;

export interface BootOptions {
  readonly profile: Profile;
  readonly cpus: number;
  readonly kernel: FaultPath;
  readonly config?: Partial<Config>;
}

export function boot(options: BootOptions): System {
  const { profile, cpus } = options;
  const { geometry } = profile;
  const { pageBytes } = geometry;
  const nodes = Math.ceil(cpus / profile.cpusPerNode);
  const pagesPerNode = Math.floor((profile.memoryPerNode.value * 2 ** 20) / pageBytes);
  const zones = Array.from({ length: nodes }, (_, node) => new Zone(node, pagesPerNode, pageBytes));
  const batch = Math.max(1, Math.floor(PCP_BYTES / pageBytes / 4));
  const mem_map = [new Page(0, zones[0], true)];
  const system: System = {
    geometry,
    kernel: options.kernel,
    mmap_base: pageBytes * geometry.ptrsPerPte,
    mem_map,
    zones,
    zonelists: zones.map((zone) => zonelist(zones, zone.node)),
    pageset: Array.from({ length: cpus }, (_, cpu) => new PerCpuPages(cpu, zones.length)),
    lru_add_active_pvecs: Array.from({ length: cpus }, () => []),
    cpu_to_node: Array.from({ length: cpus }, (_, cpu) => Math.floor(cpu / profile.cpusPerNode)),
    pcp: { low: 2 * batch, high: 6 * batch, batch },
    // Not by `...`: after some systems V8 makes those of another class, and throws away what it has compiled for the first.
    config: Object.assign({}, defaultConfig, options.config),
    smp: new Smp(cpus),
    tlbs: Array.from({ length: cpus }, (_, cpu) => new Tlb(cpu, geometry.tlbEntries)),
    FREE_PTE_NR: 2048,
    mms: [],
    tableReads: Array.from({ length: cpus }, () => new TableReads(geometry.lineBytes, geometry.cacheBytes)),
    counters: { pgfault: 0, faultsTaken: 0, update_mmu_cache: 0, update_mmu_cache_absent: 0 },
    failedAllocations: 0,
    anon_vmas: 0,
    anonVmas: new Map(),
    inodes: [],
    disk: new Disk(mem_map, zones[0]),
  };
  fillPageSets(system);
  return system;
}

/** The node's own zone first, then by distance, then by number. */
function zonelist(zones: readonly Zone[], node: number): Zone[] {
  return [...zones].sort((a, b) => hops(node, a.node) - hops(node, b.node) || a.node - b.node);
}

/** A CPU that has run for a while has a list between `low` and `high`. */
function fillPageSets(system: System): void {
  system.pageset.forEach(({ lists }, cpu) => {
    const zone = system.zones[system.cpu_to_node[cpu]];
    const pages = Math.min(system.pcp.low + system.pcp.batch, zone.free_pages.value);
    for (let i = 0; i < pages; i++) lists[zone.node].push(__rmqueue(system, zone));
    zone.free_pages.value -= pages;
  });
}
