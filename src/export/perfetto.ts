/**
 * Perfetto's own format: a Trace of TracePackets, with a TrackDescriptor for each track and TrackEvents that begin and
 * end slices. Times are nanoseconds. Field numbers: protos/perfetto/trace/ of github.com/google/perfetto.
 */
import { TICKS_PER_NS } from '../machine/profile.ts';
import { visible } from './escape.ts';
import { ProtoWriter } from './protobuf.ts';
import type { Timeline } from './timeline.ts';
import { type Edge, edgesOf, type Track, tracksOf } from './tracks.ts';

const TRACE = { packet: 1 };
const PACKET = { timestamp: 8, sequence: 10, event: 11, descriptor: 60 };
const DESCRIPTOR = { uuid: 1, name: 2, process: 3, thread: 4, parent: 5, childOrdering: 11, rank: 12 };
const PROCESS = { pid: 1, name: 6 };
const THREAD = { pid: 1, tid: 2, name: 5 };
const EVENT = { annotation: 4, type: 9, track: 11, category: 22, name: 23 };
const ANNOTATION = { string: 6, name: 10 };
const BEGIN = 1;
const END = 2;
/** Children of a track in the order of their ranks. */
const EXPLICIT = 3;
const SEQUENCE = 1;
const GROUPS = ['CPUs', 'threads', 'locks'] as const;

/** Numbers of tracks: those of the groups come first. */
const groupUuid = (group: Track['group']): number => GROUPS.indexOf(group) + 1;

export function perfetto(timeline: Timeline): Uint8Array {
  const trace = new ProtoWriter();
  const add = (packet: ProtoWriter): void => {
    trace.message(TRACE.packet, packet.uint(PACKET.sequence, SEQUENCE));
  };
  for (const group of GROUPS) add(groupPacket(group, timeline.title));
  const tracks = tracksOf(timeline).map((track, i) => ({ track, uuid: GROUPS.length + 1 + i }));
  for (const { track, uuid } of tracks) add(trackPacket(track, uuid));
  const edges = tracks.flatMap(({ track, uuid }) => edgesOf(track.bars).map((edge) => ({ ...edge, uuid })));
  edges.sort((a, b) => a.at - b.at); // stable: those of one track stay in order
  for (const edge of edges) add(eventPacket(edge, edge.uuid));
  return trace.finish();
}

function groupPacket(group: Track['group'], title: string): ProtoWriter {
  const uuid = groupUuid(group);
  const process = new ProtoWriter().uint(PROCESS.pid, uuid).string(PROCESS.name, visible(`${group}: ${title}`));
  const descriptor = new ProtoWriter()
    .uint(DESCRIPTOR.uuid, uuid)
    .message(DESCRIPTOR.process, process)
    .uint(DESCRIPTOR.childOrdering, EXPLICIT);
  return new ProtoWriter().message(PACKET.descriptor, descriptor);
}

function trackPacket({ group, name, number }: Track, uuid: number): ProtoWriter {
  const descriptor = new ProtoWriter()
    .uint(DESCRIPTOR.uuid, uuid)
    .string(DESCRIPTOR.name, visible(name))
    .uint(DESCRIPTOR.parent, groupUuid(group))
    .uint(DESCRIPTOR.rank, number);
  if (group === 'threads') {
    const pid = groupUuid(group);
    const thread = new ProtoWriter().uint(THREAD.pid, pid).uint(THREAD.tid, tidOf(number, pid));
    descriptor.message(DESCRIPTOR.thread, thread.string(THREAD.name, visible(name)));
  }
  return new ProtoWriter().message(PACKET.descriptor, descriptor);
}

/** A thread whose number is that of its process would be its main thread: leave that out. */
function tidOf(number: number, pid: number): number {
  return pid + 1 + number;
}

function eventPacket({ at, bar, begins }: Edge, uuid: number): ProtoWriter {
  const event = new ProtoWriter().uint(EVENT.type, begins ? BEGIN : END).uint(EVENT.track, uuid);
  if (begins) {
    event.string(EVENT.category, bar.category).string(EVENT.name, visible(bar.name));
    for (const [name, value] of Object.entries(bar.notes)) {
      event.message(
        EVENT.annotation,
        new ProtoWriter().string(ANNOTATION.name, name).string(ANNOTATION.string, visible(value)),
      );
    }
  }
  return new ProtoWriter().uint(PACKET.timestamp, Math.round(at / TICKS_PER_NS)).message(PACKET.event, event);
}
