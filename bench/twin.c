/*
 * The C twin: the model of src/ (the pft program on the 2.6.10 anonymous-fault path, under the timed driver) once
 * more, written the way a C programmer would write it, as the limit to measure the TypeScript against. Same steps in
 * the same (time, rank) order at the same costs, so it ends at the same tick, and the bench compares that.
 *
 * Reads "name value" lines on standard input: costs in ticks (work.* are private work by name), sizes, counts.
 * Writes one line of JSON.
 *
 * Left out, because this workload never gets there or because no result depends on it: lock books for unlock by
 * others and for sleeping while atomic (an owner check stays), trylocks, read faults, copy-on-write, the races that
 * need two threads on one page, spilling to other nodes (the bench gives every node enough memory), two threads that
 * poll on one CPU, the time spent waiting for a bus as a figure of its own, names and descriptions, a log of the
 * order, eager mode.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int64_t tick;
typedef uint32_t pfn_t;

static void *need(void *memory) {
  if (memory == NULL) {
    fprintf(stderr, "twin: out of memory\n");
    exit(2);
  }
  return memory;
}

static void die(const char *what, const char *name) {
  fprintf(stderr, "twin: %s%s\n", what, name);
  exit(2);
}

/* ---- configuration ------------------------------------------------------------------------------------------ */

static struct {
  char name[64];
  tick value;
} settings[256];
static int nr_settings;

static void read_settings(void) {
  while (nr_settings < 256 &&
         scanf("%63s %" SCNd64, settings[nr_settings].name, &settings[nr_settings].value) == 2)
    nr_settings++;
}

static tick setting(const char *name) {
  for (int i = 0; i < nr_settings; i++)
    if (strcmp(settings[i].name, name) == 0) return settings[i].value;
  die("missing setting ", name);
  return 0;
}

static int cpus, threads_per_child, repetitions, nodes, width;
static bool faults_only; /* the forms' workload: no fork, mmap or exit, only the faults */
static long pages_per_thread;
static int pte_shift, pmd_shift, pgd_entries, pte_line_shift, first_vpn;
static int pcp_low, pcp_high, pcp_batch, pagevec_size, gather_size;
static long pages_per_node;
static tick cost_hit, cost_memory, cost_contention, cost_wakeup, cost_start_same, cost_start_other;
static tick clear_local, clear_remote, bus_local, bus_remote; /* a page; what of it keeps the bus busy */
static tick transfer_same, transfer_other, transfer_hop;

static struct {
  tick user_touch, instruction_restart, page_fault_entry, page_fault_exit, find_vma, handle_mm_fault,
      page_table_walk, pmd_alloc_one, pte_alloc_one, anon_vma_alloc, buffered_rmqueue, rmqueue, free_hot_page,
      free_pages_bulk, pagevec_add, add_page_to_active_list, set_anon_pte, zap_pte, free_pte_page, do_mmap_pgoff,
      do_fork, copy_vma;
} work;

static void configure(void) {
  cpus = setting("cpus");
  threads_per_child = setting("threads");
  repetitions = setting("repetitions");
  faults_only = setting("faultsOnly");
  pages_per_thread = setting("pagesPerThread");
  pte_shift = setting("pteShift");
  pmd_shift = setting("pmdShift");
  pgd_entries = setting("pgdEntries");
  pte_line_shift = setting("pteLineShift");
  first_vpn = setting("firstVpn");
  pcp_low = setting("pcpLow");
  pcp_high = setting("pcpHigh");
  pcp_batch = setting("pcpBatch");
  pagevec_size = setting("pagevecSize");
  gather_size = setting("gatherSize");
  pages_per_node = setting("pagesPerNode");
  cost_hit = setting("lineHit");
  cost_memory = setting("lineMemory");
  cost_contention = setting("contention");
  cost_wakeup = setting("wakeup");
  cost_start_same = setting("startSame");
  cost_start_other = setting("startOther");
  clear_local = setting("clearLocal");
  clear_remote = setting("clearRemote");
  bus_local = setting("busLocal");
  bus_remote = setting("busRemote");
  transfer_same = setting("transferSame");
  transfer_other = setting("transferOther");
  transfer_hop = setting("transferHop");
  work.user_touch = setting("work.user_touch");
  work.instruction_restart = setting("work.instruction_restart");
  work.page_fault_entry = setting("work.page_fault_entry");
  work.page_fault_exit = setting("work.page_fault_exit");
  work.find_vma = setting("work.find_vma");
  work.handle_mm_fault = setting("work.handle_mm_fault");
  work.page_table_walk = setting("work.page_table_walk");
  work.pmd_alloc_one = setting("work.pmd_alloc_one");
  work.pte_alloc_one = setting("work.pte_alloc_one");
  work.anon_vma_alloc = setting("work.anon_vma_alloc");
  work.buffered_rmqueue = setting("work.buffered_rmqueue");
  work.rmqueue = setting("work.__rmqueue");
  work.free_hot_page = setting("work.free_hot_page");
  work.free_pages_bulk = setting("work.__free_pages_bulk");
  work.pagevec_add = setting("work.pagevec_add");
  work.add_page_to_active_list = setting("work.add_page_to_active_list");
  work.set_anon_pte = setting("work.set_anon_pte");
  work.zap_pte = setting("work.zap_pte");
  work.free_pte_page = setting("work.free_pte_page");
  work.do_mmap_pgoff = setting("work.do_mmap_pgoff");
  work.do_fork = setting("work.do_fork");
  work.copy_vma = setting("work.copy_vma");
}

/* ---- the machine: threads, lines, buses --------------------------------------------------------------------- */

enum mode { USER, SYSTEM };

enum op {
  OP_NONE,
  /* words on a line of their own page-table page or struct page */
  OP_WALK, OP_SET_PTE, OP_XCHG_PTE, OP_STORE, OP_ADD_MAPCOUNT, OP_ADD_COUNT,
  /* words on a line that is fought for */
  OP_READ, OP_WRITE, OP_ADD,
  OP_LOCK, OP_UNLOCK, OP_DOWN_WRITE, OP_UP_WRITE, OP_DOWN_READ, OP_UP_READ,
  OP_WAIT, OP_POLL, OP_CLEAR, OP_SPAWN
};

enum lock_class { PAGE_TABLE_LOCK, MMAP_SEM, ZONE_LOCK, LRU_LOCK, ANON_VMA_LOCK_CLASS, LOCK_CLASSES };
static const char *const class_names[] = {"&mm->page_table_lock", "&mm->mmap_sem", "&zone->lock", "&zone->lru_lock",
                                          "&anon_vma->lock"};

static struct lock_row {
  int64_t acquisitions, contended, wait, max_wait, hold, max_waiters;
} lock_table[LOCK_CLASSES];

struct line {
  int owner; /* -1: memory */
  int32_t version, *copies;
  tick free_at;
};

struct thread;
struct queue {
  struct thread *first, *last;
  int length;
};

struct word {
  struct line *line;
  int64_t value;
  struct queue waiters;
};

struct lock {
  struct line *line;
  struct thread *owner; /* a writer, in a semaphore */
  int readers;
  enum lock_class class;
  tick held_since;
  struct queue waiters; /* of a semaphore: those it will be handed to */
};

struct mm;
struct vma;

struct thread {
  int id, cpu;
  enum mode mode;
  bool spawned, spinning;
  tick since;
  struct thread *next;
  /* the step it will do next; steps on a page go to `page`, those on a pte to `vpn` */
  enum op op;
  void *object;
  int64_t value;
  int state;
  /* its program */
  struct line exited_line;
  struct word exited;
  struct mm *mm;
  struct vma *vma;
  long vpn, end_vpn; /* where the program or the zap is */
  int i;             /* loop counter of the program */
  pfn_t page;
  int node;
  struct thread **children;
};

static tick *clock_of, *bus_free, *transfer;
static int *node_of;
static struct thread **current;
static struct queue *runqueue;
static tick cpu_time[2], owed, end_time;
static int64_t steps;
static struct thread **all_threads;
static int nr_threads, max_threads;

static void queue_push(struct queue *q, struct thread *t) {
  t->next = NULL;
  if (q->last != NULL) q->last->next = t;
  else q->first = t;
  q->last = t;
  q->length++;
}

static struct thread *queue_shift(struct queue *q) {
  struct thread *t = q->first;
  q->first = t->next;
  if (q->first == NULL) q->last = NULL;
  q->length--;
  return t;
}

static inline tick fetch(int before, int cpu) {
  if (before == cpu) return 0;
  return before < 0 ? cost_memory : transfer[node_of[before] * nodes + node_of[cpu]];
}

static tick share_line(struct line *line, int cpu, tick now) {
  if (line->copies == NULL) line->copies = need(calloc(cpus, sizeof *line->copies));
  if (line->copies[cpu] == line->version) return now + cost_hit;
  line->copies[cpu] = line->version;
  tick start = line->free_at > now ? line->free_at : now;
  return line->free_at = start + fetch(line->owner, cpu) + cost_hit;
}

static inline tick access_line(struct line *line, int cpu, tick now, bool exclusive) {
  if (line->owner == cpu && !(exclusive && line->copies != NULL)) return now + cost_hit;
  if (!exclusive) return share_line(line, cpu, now);
  tick start = line->free_at > now ? line->free_at : now;
  line->free_at = start + fetch(line->owner, cpu) + cost_hit;
  line->owner = cpu;
  if (line->copies != NULL) line->version++;
  return line->free_at;
}

static tick hand_over(struct line *line, int cpu, tick now, int spinners) {
  line->free_at = now + fetch(line->owner, cpu) + cost_contention * spinners + cost_hit;
  line->owner = cpu;
  return line->free_at;
}

static tick clear_memory(int cpu, tick now, int home) {
  int node = node_of[cpu];
  tick start = bus_free[node] > now ? bus_free[node] : now;
  bus_free[node] = start + (home == node ? bus_local : bus_remote);
  return start + (home == node ? clear_local : clear_remote);
}

/* Private work: paid on the CPU's clock when its thread has come to its next step. */
static inline void charge(struct thread *t, tick ticks) {
  owed += ticks;
  cpu_time[t->mode] += ticks;
}

static inline void plain_line(struct thread *t, struct line *line, bool write) {
  tick now = clock_of[t->cpu];
  charge(t, access_line(line, t->cpu, now, write) - now);
}

static inline void plain_increment(struct thread *t, struct word *word) {
  plain_line(t, word->line, false);
  plain_line(t, word->line, true);
  word->value++;
}

/* ---- the queue of CPUs that are due: a 4-ary heap of time * width + rank ------------------------------------ */

static int64_t *heap;
static int heap_size;

static void heap_down(int64_t key) {
  int at = 0;
  for (;;) {
    int first = at * 4 + 1;
    if (first >= heap_size) break;
    int end = first + 4 < heap_size ? first + 4 : heap_size, least = first;
    for (int child = first + 1; child < end; child++)
      if (heap[child] < heap[least]) least = child;
    if (heap[least] >= key) break;
    heap[at] = heap[least];
    at = least;
  }
  heap[at] = key;
}

static void heap_push(tick time, int rank) {
  int64_t key = time * width + rank;
  int at = heap_size++;
  while (at > 0 && heap[(at - 1) >> 2] > key) {
    heap[at] = heap[(at - 1) >> 2];
    at = (at - 1) >> 2;
  }
  heap[at] = key;
}

static void heap_pop(void) {
  int64_t last = heap[--heap_size];
  if (heap_size > 0) heap_down(last);
}

static inline bool heap_advance(tick time, int rank) {
  int64_t key = time * width + rank;
  int children = heap_size < 5 ? heap_size : 5;
  for (int i = 1; i < children; i++) {
    if (heap[i] < key) {
      heap_down(key);
      return false;
    }
  }
  heap[0] = key;
  return true;
}

/* ---- memory and page tables --------------------------------------------------------------------------------- */

enum { PAGE_PRESENT = 1, PAGE_RW = 2, PAGE_ACCESSED = 4, PAGE_DIRTY = 8, PFN_SHIFT = 4 };

struct page {
  int owner; /* CPU that has the line of the struct page, -1: memory */
  int node, count, mapcount, mapping, word0;
};

struct zone {
  struct line line, lru_line;
  struct lock lock, lru_lock;
  struct word free_pages, nr_active;
  pfn_t *free_list;
  long nr_free_list, max_free_list;
};

struct pcp {
  int length;
  pfn_t *list;
};

struct pte_page {
  int32_t *ptes;
  uint16_t *owners; /* CPU + 1 by line, 0: memory */
};

struct vma {
  long start, end; /* page numbers */
  struct line line, anon_line;
  struct word anon_vma;
  struct lock anon_lock; /* of its anon_vma */
};

struct mm {
  struct line first, second;
  struct lock mmap_sem, page_table_lock;
  struct word mm_users, rss;
  struct line go_line;
  struct word go;
  struct pte_page ***pgd;
  int nr_ptes, nr_vmas;
  long free_area_cache;
  struct vma *vmas;
  pfn_t *gathered;
  int nr_gathered, next_gathered, freed;
};

static struct page *mem_map;
static long nr_frames, max_frames;
static struct zone *zones;
static struct pcp *pageset;
static struct {
  int length;
  pfn_t *pages;
} *pagevecs;
static int anon_vmas;

static struct pte_page *leaf(struct mm *mm, long vpn) {
  struct pte_page **pmd = mm->pgd[vpn >> (pte_shift + pmd_shift)];
  return pmd == NULL ? NULL : pmd[(vpn >> pte_shift) & ((1 << pmd_shift) - 1)];
}
static inline int pte_index(long vpn) { return vpn & ((1 << pte_shift) - 1); }

/* Take the line of a pte; what that costs. */
static inline tick claim_pte(struct pte_page *table, long vpn, int cpu) {
  if (table == NULL) return 0;
  uint16_t *owner = &table->owners[pte_index(vpn) >> pte_line_shift];
  int before = *owner - 1;
  *owner = cpu + 1;
  return fetch(before, cpu);
}
static inline tick claim_page(struct page *page, int cpu) {
  int before = page->owner;
  page->owner = cpu;
  return fetch(before, cpu);
}

static bool pmd_populate(struct mm *mm, long vpn) {
  struct pte_page **pmd = mm->pgd[vpn >> (pte_shift + pmd_shift)];
  struct pte_page **entry = &pmd[(vpn >> pte_shift) & ((1 << pmd_shift) - 1)];
  if (*entry != NULL) return false;
  struct pte_page *table = need(malloc(sizeof *table));
  table->ptes = need(calloc(1 << pte_shift, sizeof *table->ptes));
  table->owners = need(calloc(((1 << pte_shift) >> pte_line_shift) + 1, sizeof *table->owners));
  *entry = table;
  steps++; /* of a table's entry, which costs nothing, here and below */
  mm->nr_ptes++;
  return true;
}

static void pgd_populate(struct mm *mm, long vpn) {
  struct pte_page ***entry = &mm->pgd[vpn >> (pte_shift + pmd_shift)];
  if (*entry != NULL) return;
  *entry = need(calloc(1 << pmd_shift, sizeof **entry));
  steps++;
}

static void free_page_tables(struct mm *mm) {
  for (int i = 0; i < pgd_entries; i++) {
    if (mm->pgd[i] == NULL) continue;
    for (int j = 0; j < 1 << pmd_shift; j++) {
      if (mm->pgd[i][j] == NULL) continue;
      free(mm->pgd[i][j]->ptes);
      free(mm->pgd[i][j]->owners);
      free(mm->pgd[i][j]);
    }
    free(mm->pgd[i]);
    mm->pgd[i] = NULL;
  }
  mm->nr_ptes = 0;
}

static pfn_t new_frame(int node) {
  if (nr_frames == max_frames) {
    max_frames = max_frames == 0 ? 4096 : max_frames * 2;
    mem_map = need(realloc(mem_map, max_frames * sizeof *mem_map));
  }
  mem_map[nr_frames] = (struct page){.owner = -1, .node = node};
  return nr_frames++;
}

static pfn_t take_from_zone(struct zone *zone, int node) {
  zone->free_pages.value--;
  return zone->nr_free_list > 0 ? zone->free_list[--zone->nr_free_list] : new_frame(node);
}

static void give_to_zone(struct zone *zone, pfn_t page) {
  if (zone->nr_free_list == zone->max_free_list) {
    zone->max_free_list = zone->max_free_list == 0 ? 256 : zone->max_free_list * 2;
    zone->free_list = need(realloc(zone->free_list, zone->max_free_list * sizeof *zone->free_list));
  }
  zone->free_list[zone->nr_free_list++] = page;
  zone->free_pages.value++;
}

static struct pcp *pcp_of(int cpu, int node) {
  struct pcp *pcp = &pageset[(long)cpu * nodes + node];
  if (pcp->list == NULL) pcp->list = need(malloc((pcp_high + pcp_batch + 1) * sizeof *pcp->list));
  return pcp;
}

/* ---- locks -------------------------------------------------------------------------------------------------- */

static void note_acquired(struct lock *lock, tick done) {
  lock_table[lock->class].acquisitions++;
  lock->held_since = done;
}

static void note_waited(struct lock *lock, tick waited) {
  struct lock_row *row = &lock_table[lock->class];
  row->contended++;
  row->wait += waited;
  if (waited > row->max_wait) row->max_wait = waited;
}

static void note_released(struct lock *lock, tick done) { lock_table[lock->class].hold += done - lock->held_since; }

static void check_owner(struct lock *lock, struct thread *t) {
  if (lock->owner != t) die("unlock by non-owner of ", class_names[lock->class]);
}

static bool sem_admits(struct lock *sem, bool shared) {
  return sem->owner == NULL && sem->waiters.length == 0 && (shared || sem->readers == 0);
}

static void sem_grant(struct lock *sem, struct thread *t, bool shared) {
  if (shared) sem->readers++;
  else sem->owner = t;
}

/* ---- the kernel and the program: what a thread does between two steps ---------------------------------------- */

enum state {
  PFT_START, PFT_MMAP_SEM, PFT_MMAP_SEM_UP, PFT_SPAWNED, PFT_JOIN,
  CHILD_START, CHILD_CLONED, CHILD_SPAWNED, CHILD_GO, CHILD_JOIN, CHILD_MMPUT, CHILD_PTL, CHILD_ZAP_PTE,
  CHILD_ZAP_PAGE, CHILD_PUT_PAGE, CHILD_DRAIN, CHILD_DRAINED, CHILD_PTL_UNLOCK,
  CHILD_UNLINK_READ, CHILD_UNLINK_LOCK, CHILD_UNLINK_UNLOCK,
  THREAD_START, THREAD_POLL, THREAD_MMAP_SEM, THREAD_MMAP_SEM_UP, THREAD_WALK, THREAD_STORE, THREAD_MMPUT,
  FAULT_MMAP_SEM, FAULT_PTL, FAULT_PMD_UNLOCK, FAULT_PMD_LOCK, FAULT_PTE_UNLOCK, FAULT_PTE_LOCK, ANON_UNLOCK,
  ANON_VMA_READ, ANON_VMA_LOCK, ANON_VMA_WRITE, ANON_VMA_UNLOCK, ALLOC_FREE_PAGES, ALLOC_ZONE_LOCK,
  ALLOC_ZONE_UNLOCK, ANON_CLEAR, ANON_PTL, ANON_LRU_LOCK, ANON_LRU_UNLOCK, ANON_MAPCOUNT, ANON_SET_PTE,
  FAULT_PTL_UNLOCK, FAULT_MMAP_SEM_UP,
  EXITING, EXITED
};

static inline void next_step(struct thread *t, enum state state, enum op op, void *object) {
  t->state = state;
  t->op = op;
  t->object = object;
}

static inline void write_word(struct thread *t, enum state state, struct word *word, int64_t value) {
  next_step(t, state, OP_WRITE, word);
  t->value = value;
}

/* Those who were spawned tell who waits for them; the first threads just end. */
static void exit_thread(struct thread *t) {
  if (t->spawned) write_word(t, EXITING, &t->exited, 1);
  else next_step(t, EXITED, OP_NONE, NULL);
}

static void init_word(struct word *word, struct line *line, int64_t value) {
  *word = (struct word){.line = line, .value = value};
}
static void init_line(struct line *line) { *line = (struct line){.owner = -1, .version = 1}; }
static void init_lock(struct lock *lock, struct line *line, enum lock_class class) {
  *lock = (struct lock){.line = line, .class = class};
}

static struct mm *mm_alloc(void) {
  struct mm *mm = need(calloc(1, sizeof *mm));
  init_line(&mm->first);
  init_line(&mm->second);
  init_line(&mm->go_line);
  init_lock(&mm->mmap_sem, &mm->first, MMAP_SEM);
  init_lock(&mm->page_table_lock, &mm->first, PAGE_TABLE_LOCK);
  init_word(&mm->mm_users, &mm->first, 1);
  init_word(&mm->rss, &mm->second, 0);
  init_word(&mm->go, &mm->go_line, 0);
  mm->pgd = need(calloc(pgd_entries, sizeof *mm->pgd));
  mm->vmas = need(calloc(threads_per_child, sizeof *mm->vmas));
  mm->gathered = need(malloc(gather_size * sizeof *mm->gathered));
  mm->free_area_cache = first_vpn;
  return mm;
}

static void mm_free(struct mm *mm) {
  free_page_tables(mm);
  for (int i = 0; i < mm->nr_vmas; i++) free(mm->vmas[i].line.copies);
  free(mm->first.copies);
  free(mm->second.copies);
  free(mm->go_line.copies);
  free(mm->pgd);
  free(mm->vmas);
  free(mm->gathered);
  free(mm);
}

static struct vma *insert_vma(struct mm *mm) {
  struct vma *vma = &mm->vmas[mm->nr_vmas++];
  vma->start = mm->free_area_cache;
  vma->end = mm->free_area_cache = vma->start + pages_per_thread;
  init_line(&vma->line);
  init_word(&vma->anon_vma, &vma->line, 0);
  return vma;
}

static struct vma *find_vma(struct thread *t, struct mm *mm, long vpn) {
  charge(t, work.find_vma);
  int low = 0, high = mm->nr_vmas;
  while (low < high) {
    int middle = (low + high) >> 1;
    if (mm->vmas[middle].end > vpn) high = middle;
    else low = middle + 1;
  }
  return &mm->vmas[low];
}

static struct thread *new_thread(int cpu, struct mm *mm, enum state state) {
  struct thread *t = need(calloc(1, sizeof *t));
  t->cpu = cpu;
  t->mm = mm;
  t->state = state;
  init_line(&t->exited_line);
  init_word(&t->exited, &t->exited_line, 0);
  return t;
}

/* The next page of the heap, or the end of the program. */
static void touch_next(struct thread *t) {
  if (t->vpn < t->end_vpn) {
    next_step(t, THREAD_WALK, OP_WALK, t->mm);
  } else if (faults_only) {
    exit_thread(t);
  } else {
    t->mode = SYSTEM;
    next_step(t, THREAD_MMPUT, OP_ADD, &t->mm->mm_users);
    t->value = -1;
  }
}

static void map_anonymous(struct thread *t) {
  charge(t, work.page_table_walk);
  charge(t, claim_pte(leaf(t->mm, t->vpn), t->vpn, t->cpu));
  next_step(t, ANON_UNLOCK, OP_UNLOCK, &t->mm->page_table_lock);
}

/* page_table_lock is held: make the tables above the pte if they are not there. */
static void walk_tables(struct thread *t) {
  struct pte_page **pmd = t->mm->pgd[t->vpn >> (pte_shift + pmd_shift)];
  if (pmd == NULL) next_step(t, FAULT_PMD_UNLOCK, OP_UNLOCK, &t->mm->page_table_lock);
  else if (leaf(t->mm, t->vpn) == NULL) next_step(t, FAULT_PTE_UNLOCK, OP_UNLOCK, &t->mm->page_table_lock);
  else map_anonymous(t);
}

static void take_page(struct thread *t, struct pcp *pcp) {
  t->page = pcp->list[--pcp->length];
  struct page *page = &mem_map[t->page];
  charge(t, claim_page(page, t->cpu));
  page->count = 1;
  next_step(t, ANON_CLEAR, OP_CLEAR, NULL);
}

static void alloc_page(struct thread *t) {
  t->node = node_of[t->cpu];
  struct pcp *pcp = pcp_of(t->cpu, t->node);
  charge(t, work.buffered_rmqueue);
  steps++; /* of the list, which costs nothing, here and below */
  if (pcp->length <= pcp_low) next_step(t, ALLOC_FREE_PAGES, OP_READ, &zones[t->node].free_pages);
  else take_page(t, pcp);
}

static void rmqueue_bulk(struct thread *t, struct zone *zone) {
  struct pcp *pcp = pcp_of(t->cpu, t->node);
  steps++;
  for (int i = 0; i < pcp_batch; i++) {
    plain_line(t, zone->free_pages.line, false);
    if (zone->free_pages.value <= 0) break;
    charge(t, work.rmqueue);
    pcp->list[pcp->length++] = take_from_zone(zone, t->node);
  }
}

static void page_add_anon_rmap(struct thread *t) {
  plain_line(t, t->vma->anon_vma.line, false);
  mem_map[t->page].mapping = t->vma->anon_vma.value;
  next_step(t, ANON_MAPCOUNT, OP_ADD_MAPCOUNT, NULL);
  t->value = 1;
}

static void flush_pagevec(struct thread *t) {
  if (pagevecs[t->cpu].length == 0) {
    page_add_anon_rmap(t);
    return;
  }
  t->node = mem_map[pagevecs[t->cpu].pages[pagevecs[t->cpu].length - 1]].node;
  next_step(t, ANON_LRU_LOCK, OP_LOCK, &zones[t->node].lru_lock);
}

static void lru_cache_add_active(struct thread *t) {
  charge(t, work.pagevec_add);
  pagevecs[t->cpu].pages[pagevecs[t->cpu].length++] = t->page;
  if (pagevecs[t->cpu].length < pagevec_size) page_add_anon_rmap(t);
  else flush_pagevec(t);
}

static void add_run_to_active_list(struct thread *t) {
  while (pagevecs[t->cpu].length > 0) {
    if (mem_map[pagevecs[t->cpu].pages[pagevecs[t->cpu].length - 1]].node != t->node) break;
    pagevecs[t->cpu].length--;
    charge(t, work.add_page_to_active_list);
    plain_increment(t, &zones[t->node].nr_active);
  }
}

static void put_next_page(struct thread *t);

/* The next pte that is there; at the end, the tables go and what was gathered is freed. */
static void zap_next(struct thread *t) {
  struct mm *mm = t->mm;
  for (;;) {
    for (; t->vpn < t->end_vpn; t->vpn++) {
      struct pte_page *table = leaf(mm, t->vpn);
      if (table == NULL) {
        t->vpn |= (1 << pte_shift) - 1;
        continue;
      }
      charge(t, work.page_table_walk);
      charge(t, claim_pte(table, t->vpn, t->cpu));
      if (table->ptes[pte_index(t->vpn)] == 0) continue;
      next_step(t, CHILD_ZAP_PTE, OP_XCHG_PTE, table);
      return;
    }
    if (++t->i >= mm->nr_vmas) break;
    t->vpn = mm->vmas[t->i].start;
    t->end_vpn = mm->vmas[t->i].end;
  }
  charge(t, mm->nr_ptes * work.free_pte_page);
  plain_line(t, mm->rss.line, false);
  plain_line(t, mm->rss.line, true);
  mm->rss.value = mm->rss.value > mm->freed ? mm->rss.value - mm->freed : 0;
  put_next_page(t);
}

/* Free what was gathered; then the next vma, or with all vmas done (t->i counts them) the page tables. */
static void put_next_page(struct thread *t) {
  struct mm *mm = t->mm;
  if (mm->next_gathered < mm->nr_gathered) {
    t->page = mm->gathered[mm->next_gathered++];
    next_step(t, CHILD_PUT_PAGE, OP_ADD_COUNT, NULL);
    t->value = -1;
    return;
  }
  mm->next_gathered = mm->nr_gathered = 0;
  if (t->i < mm->nr_vmas) {
    zap_next(t);
    return;
  }
  free_page_tables(mm);
  next_step(t, CHILD_PTL_UNLOCK, OP_UNLOCK, &mm->page_table_lock);
}

/* The next vma leaves its anon_vma. */
static void unlink_next(struct thread *t) {
  if (t->i < t->mm->nr_vmas) next_step(t, CHILD_UNLINK_READ, OP_READ, &t->mm->vmas[t->i].anon_vma);
  else exit_thread(t);
}

static void free_hot_page(struct thread *t) {
  struct page *page = &mem_map[t->page];
  struct pcp *pcp = pcp_of(t->cpu, page->node);
  charge(t, work.free_hot_page);
  steps++;
  page->mapping = 0;
  pcp->list[pcp->length++] = t->page;
  t->node = page->node;
  if (pcp->length < pcp_high) put_next_page(t);
  else next_step(t, CHILD_DRAIN, OP_LOCK, &zones[t->node].lock);
}

static void free_pages_bulk(struct thread *t) {
  struct pcp *pcp = pcp_of(t->cpu, t->node);
  for (int i = 0; i < pcp_batch; i++) {
    charge(t, work.free_pages_bulk);
    give_to_zone(&zones[t->node], pcp->list[i]);
  }
  pcp->length -= pcp_batch;
  memmove(pcp->list, pcp->list + pcp_batch, pcp->length * sizeof *pcp->list);
}

static void fork_child(struct thread *t) {
  if (t->i++ == repetitions) {
    exit_thread(t);
    return;
  }
  t->mode = SYSTEM;
  charge(t, work.do_fork);
  next_step(t, PFT_MMAP_SEM, OP_DOWN_WRITE, &t->mm->mmap_sem);
}

static void clone_next(struct thread *t) {
  if (t->i < threads_per_child) {
    charge(t, work.do_fork);
    next_step(t, CHILD_CLONED, OP_ADD, &t->mm->mm_users);
    t->value = 1;
  } else {
    t->mode = USER;
    write_word(t, CHILD_GO, &t->mm->go, 1);
  }
}

static void join_next(struct thread *t) {
  if (t->i < threads_per_child) {
    next_step(t, CHILD_JOIN, OP_WAIT, &t->children[t->i++]->exited);
  } else {
    t->mode = SYSTEM;
    next_step(t, CHILD_MMPUT, OP_ADD, &t->mm->mm_users);
    t->value = -1;
  }
}

/* Run the thread's private code with the reply to its step, up to its next one. */
static void resume(struct thread *t, int64_t reply) {
  struct mm *mm = t->mm;
  switch ((enum state)t->state) {
  /* the parent: one child after the other */
  case PFT_START:
    fork_child(t);
    return;
  case PFT_MMAP_SEM:
    next_step(t, PFT_MMAP_SEM_UP, OP_UP_WRITE, &mm->mmap_sem);
    return;
  case PFT_MMAP_SEM_UP:
    next_step(t, PFT_SPAWNED, OP_SPAWN, new_thread(0, mm_alloc(), CHILD_START));
    return;
  case PFT_SPAWNED:
    t->mode = USER;
    next_step(t, PFT_JOIN, OP_WAIT, &((struct thread *)t->object)->exited);
    return;
  case PFT_JOIN:
    fork_child(t);
    return;

  /* the child: start the threads, join them, tear the address space down */
  case CHILD_START:
    t->children = need(calloc(threads_per_child, sizeof *t->children));
    t->mode = SYSTEM;
    clone_next(t);
    return;
  case CHILD_CLONED:
    t->children[t->i] = new_thread(t->i % cpus, mm, THREAD_START);
    next_step(t, CHILD_SPAWNED, OP_SPAWN, t->children[t->i]);
    return;
  case CHILD_SPAWNED:
    t->i++;
    clone_next(t);
    return;
  case CHILD_GO:
    t->i = 0;
    join_next(t);
    return;
  case CHILD_JOIN:
    join_next(t);
    return;
  case CHILD_MMPUT:
    if (reply != 0) exit_thread(t);
    else next_step(t, CHILD_PTL, OP_LOCK, &mm->page_table_lock);
    return;
  case CHILD_PTL:
    t->i = -1;
    t->vpn = t->end_vpn = 0;
    zap_next(t);
    return;
  case CHILD_ZAP_PTE:
    charge(t, work.zap_pte);
    mm->freed++;
    t->page = (pfn_t)reply >> PFN_SHIFT;
    next_step(t, CHILD_ZAP_PAGE, OP_ADD_MAPCOUNT, NULL);
    t->value = -1;
    return;
  case CHILD_ZAP_PAGE:
    mm->gathered[mm->nr_gathered++] = t->page;
    t->vpn++;
    if (mm->nr_gathered >= gather_size) put_next_page(t);
    else zap_next(t);
    return;
  case CHILD_PUT_PAGE:
    if (reply == 0) free_hot_page(t);
    else put_next_page(t);
    return;
  case CHILD_DRAIN:
    free_pages_bulk(t);
    next_step(t, CHILD_DRAINED, OP_UNLOCK, &zones[t->node].lock);
    return;
  case CHILD_DRAINED:
    put_next_page(t);
    return;
  case CHILD_PTL_UNLOCK:
    t->i = 0;
    unlink_next(t);
    return;
  case CHILD_UNLINK_READ:
    if (reply == 0) {
      t->i++;
      unlink_next(t);
    } else {
      next_step(t, CHILD_UNLINK_LOCK, OP_LOCK, &mm->vmas[t->i].anon_lock);
    }
    return;
  case CHILD_UNLINK_LOCK:
    next_step(t, CHILD_UNLINK_UNLOCK, OP_UNLOCK, &mm->vmas[t->i].anon_lock);
    return;
  case CHILD_UNLINK_UNLOCK:
    t->i++;
    unlink_next(t);
    return;

  /* a thread: map a heap, write one byte to each page */
  case THREAD_START:
    if (faults_only) {
      t->vma = insert_vma(mm);
      t->vpn = t->vma->start;
      t->end_vpn = t->vma->end;
      touch_next(t);
    } else {
      next_step(t, THREAD_POLL, OP_POLL, &mm->go);
    }
    return;
  case THREAD_POLL:
    t->mode = SYSTEM;
    next_step(t, THREAD_MMAP_SEM, OP_DOWN_WRITE, &mm->mmap_sem);
    return;
  case THREAD_MMAP_SEM:
    charge(t, work.do_mmap_pgoff);
    t->vma = insert_vma(mm);
    next_step(t, THREAD_MMAP_SEM_UP, OP_UP_WRITE, &mm->mmap_sem);
    return;
  case THREAD_MMAP_SEM_UP:
    t->mode = USER;
    t->vpn = t->vma->start;
    t->end_vpn = t->vma->end;
    touch_next(t);
    return;
  case THREAD_WALK:
    steps += 2; /* of the TLB, which cost nothing */
    if ((reply & (PAGE_PRESENT | PAGE_RW)) == (PAGE_PRESENT | PAGE_RW)) {
      charge(t, work.user_touch);
      t->page = (pfn_t)reply >> PFN_SHIFT;
      next_step(t, THREAD_STORE, OP_STORE, NULL);
      t->value = 1;
      return;
    }
    t->mode = SYSTEM;
    charge(t, work.page_fault_entry);
    next_step(t, FAULT_MMAP_SEM, OP_DOWN_READ, &mm->mmap_sem);
    return;
  case THREAD_STORE:
    t->vpn++;
    touch_next(t);
    return;
  case THREAD_MMPUT:
    if (reply == 0) die("a thread is the last user", "");
    exit_thread(t);
    return;

  /* the fault */
  case FAULT_MMAP_SEM:
    t->vma = find_vma(t, mm, t->vpn);
    charge(t, work.handle_mm_fault);
    next_step(t, FAULT_PTL, OP_LOCK, &mm->page_table_lock);
    return;
  case FAULT_PTL:
    walk_tables(t);
    return;
  case FAULT_PMD_UNLOCK:
    charge(t, work.pmd_alloc_one);
    next_step(t, FAULT_PMD_LOCK, OP_LOCK, &mm->page_table_lock);
    return;
  case FAULT_PMD_LOCK:
    pgd_populate(mm, t->vpn);
    walk_tables(t);
    return;
  case FAULT_PTE_UNLOCK:
    charge(t, work.pte_alloc_one);
    next_step(t, FAULT_PTE_LOCK, OP_LOCK, &mm->page_table_lock);
    return;
  case FAULT_PTE_LOCK:
    pmd_populate(mm, t->vpn);
    map_anonymous(t);
    return;
  case ANON_UNLOCK:
    next_step(t, ANON_VMA_READ, OP_READ, &t->vma->anon_vma);
    return;
  case ANON_VMA_READ:
    if (reply != 0) {
      alloc_page(t);
      return;
    }
    charge(t, work.anon_vma_alloc);
    anon_vmas++;
    init_line(&t->vma->anon_line);
    init_lock(&t->vma->anon_lock, &t->vma->anon_line, ANON_VMA_LOCK_CLASS);
    next_step(t, ANON_VMA_LOCK, OP_LOCK, &mm->page_table_lock);
    return;
  case ANON_VMA_LOCK:
    plain_line(t, t->vma->anon_vma.line, false);
    write_word(t, ANON_VMA_WRITE, &t->vma->anon_vma, anon_vmas);
    return;
  case ANON_VMA_WRITE:
    next_step(t, ANON_VMA_UNLOCK, OP_UNLOCK, &mm->page_table_lock);
    return;
  case ANON_VMA_UNLOCK:
    alloc_page(t);
    return;
  case ALLOC_FREE_PAGES:
    if (reply <= 0) die("the bench must give every node enough memory", "");
    next_step(t, ALLOC_ZONE_LOCK, OP_LOCK, &zones[t->node].lock);
    return;
  case ALLOC_ZONE_LOCK:
    rmqueue_bulk(t, &zones[t->node]);
    next_step(t, ALLOC_ZONE_UNLOCK, OP_UNLOCK, &zones[t->node].lock);
    return;
  case ALLOC_ZONE_UNLOCK:
    take_page(t, pcp_of(t->cpu, t->node));
    return;
  case ANON_CLEAR:
    next_step(t, ANON_PTL, OP_LOCK, &mm->page_table_lock);
    return;
  case ANON_PTL: {
    struct pte_page *table = leaf(mm, t->vpn);
    charge(t, work.page_table_walk);
    charge(t, claim_pte(table, t->vpn, t->cpu));
    if (table->ptes[pte_index(t->vpn)] != 0) die("two threads on one page", "");
    plain_increment(t, &mm->rss);
    charge(t, work.set_anon_pte);
    lru_cache_add_active(t);
    return;
  }
  case ANON_LRU_LOCK:
    add_run_to_active_list(t);
    next_step(t, ANON_LRU_UNLOCK, OP_UNLOCK, &zones[t->node].lru_lock);
    return;
  case ANON_LRU_UNLOCK:
    flush_pagevec(t);
    return;
  case ANON_MAPCOUNT:
    next_step(t, ANON_SET_PTE, OP_SET_PTE, mm);
    t->value = t->page << PFN_SHIFT | PAGE_PRESENT | PAGE_ACCESSED | PAGE_DIRTY | PAGE_RW;
    return;
  case ANON_SET_PTE:
    next_step(t, FAULT_PTL_UNLOCK, OP_UNLOCK, &mm->page_table_lock);
    return;
  case FAULT_PTL_UNLOCK:
    next_step(t, FAULT_MMAP_SEM_UP, OP_UP_READ, &mm->mmap_sem);
    return;
  case FAULT_MMAP_SEM_UP:
    charge(t, work.page_fault_exit);
    t->mode = USER;
    charge(t, work.instruction_restart);
    next_step(t, THREAD_WALK, OP_WALK, mm);
    return;

  case EXITING:
    next_step(t, EXITED, OP_NONE, NULL);
    return;
  case EXITED:
    die("a dead thread runs", "");
  }
}

/* ---- the driver --------------------------------------------------------------------------------------------- */

static inline void proceed(int rank, struct thread *t, int64_t reply) {
  resume(t, reply);
  clock_of[rank] += owed;
  owed = 0;
}

static inline void spend(struct thread *t, tick now, tick done) {
  clock_of[t->cpu] = done;
  cpu_time[t->mode] += done - now;
  steps++;
}

static void schedule(int rank) {
  while (runqueue[rank].first != NULL) {
    struct thread *t = queue_shift(&runqueue[rank]);
    current[rank] = t;
    if (clock_of[rank] < t->since) clock_of[rank] = t->since;
    proceed(rank, t, 0);
    if (t->op != OP_NONE) {
      heap_push(clock_of[rank], rank);
      return;
    }
    if (clock_of[rank] > end_time) end_time = clock_of[rank];
    current[rank] = NULL;
  }
}

static void give_up_cpu(int rank) {
  heap_pop();
  current[rank] = NULL;
  schedule(rank);
}

static void enqueue(struct thread *t, tick time) {
  t->since = time;
  queue_push(&runqueue[t->cpu], t);
  if (current[t->cpu] == NULL) schedule(t->cpu);
}

static void start_thread(struct thread *t, tick time) {
  if (nr_threads == max_threads) {
    max_threads = max_threads == 0 ? 64 : max_threads * 2;
    all_threads = need(realloc(all_threads, max_threads * sizeof *all_threads));
  }
  t->id = nr_threads;
  all_threads[nr_threads++] = t;
  enqueue(t, time);
}

static void block(int rank, struct thread *t, struct queue *waiters, bool spins) {
  t->since = clock_of[rank];
  queue_push(waiters, t);
  t->spinning = spins;
  if (t->spinning) heap_pop();
  else give_up_cpu(rank);
}

static void grant_spinner(struct thread *t, struct line *line, struct lock *lock, tick now, int others) {
  int rank = t->cpu;
  tick done = hand_over(line, rank, now, others);
  cpu_time[t->mode] += done - t->since;
  clock_of[rank] = done;
  current[rank] = t;
  steps++;
  if (lock != NULL) {
    lock->owner = t;
    note_waited(lock, done - t->since);
    note_acquired(lock, done);
  }
  proceed(rank, t, 0);
  heap_push(clock_of[rank], rank);
}

static void grant_sleeper(struct thread *t, struct lock *lock, tick now) {
  steps++;
  if (lock != NULL) {
    lock->owner = t;
    note_waited(lock, now - t->since);
    note_acquired(lock, now);
  }
  enqueue(t, now + cost_wakeup);
}

static void grant_lock(struct lock *lock, tick now) {
  struct thread *t = queue_shift(&lock->waiters);
  if (t->spinning) grant_spinner(t, lock->line, lock, now, lock->waiters.length);
  else grant_sleeper(t, lock, now);
}

/* All who wait for a word of this workload wait for 1, and it becomes 1 once. */
static void grant_word(struct word *word, tick now) {
  if (word->value != 1) return;
  while (word->waiters.first != NULL) {
    struct thread *t = queue_shift(&word->waiters);
    if (t->spinning) grant_spinner(t, word->line, NULL, now, 0);
    else grant_sleeper(t, NULL, now);
  }
}

static void wake_semaphore(struct lock *sem, tick now, struct queue *woken) {
  while (woken->first != NULL) {
    struct thread *t = queue_shift(woken);
    note_waited(sem, now - t->since);
    note_acquired(sem, now);
    enqueue(t, now + cost_wakeup);
  }
}

static void choose_woken(struct lock *sem, struct queue *woken) {
  while (sem->waiters.first != NULL && sem->owner == NULL) {
    bool shared = sem->waiters.first->op == OP_DOWN_READ;
    if (!shared && sem->readers > 0) return;
    struct thread *t = queue_shift(&sem->waiters);
    sem_grant(sem, t, shared);
    queue_push(woken, t);
  }
}

static bool ended(int rank, struct thread *t) {
  if (t->op != OP_NONE) return false;
  if (clock_of[rank] > end_time) end_time = clock_of[rank];
  give_up_cpu(rank);
  return true;
}

/* Let the step of the CPU's thread take effect now. False: the CPU has left the queue or changed thread. */
static bool act(int rank, struct thread *t) {
  tick now = clock_of[rank];
  switch (t->op) {
  case OP_WALK: {
    struct pte_page *table = leaf(t->mm, t->vpn);
    spend(t, now, now + claim_pte(table, t->vpn, rank));
    proceed(rank, t, table == NULL ? 0 : table->ptes[pte_index(t->vpn)]);
    return true;
  }
  case OP_SET_PTE: {
    struct pte_page *table = leaf(t->mm, t->vpn);
    spend(t, now, now + claim_pte(table, t->vpn, rank));
    table->ptes[pte_index(t->vpn)] = t->value;
    proceed(rank, t, 0);
    return true;
  }
  case OP_XCHG_PTE: {
    struct pte_page *table = t->object;
    spend(t, now, now + claim_pte(table, t->vpn, rank));
    int32_t old = table->ptes[pte_index(t->vpn)];
    table->ptes[pte_index(t->vpn)] = 0;
    proceed(rank, t, old);
    return true;
  }
  case OP_STORE:
    spend(t, now, now);
    mem_map[t->page].word0 = t->value;
    proceed(rank, t, 0);
    return !ended(rank, t);
  case OP_ADD_MAPCOUNT: {
    struct page *page = &mem_map[t->page];
    spend(t, now, now + claim_page(page, rank));
    proceed(rank, t, page->mapcount += t->value);
    return true;
  }
  case OP_ADD_COUNT: {
    struct page *page = &mem_map[t->page];
    spend(t, now, now + claim_page(page, rank));
    proceed(rank, t, page->count += t->value);
    return true;
  }
  case OP_READ:
  case OP_WRITE:
  case OP_ADD: {
    struct word *word = t->object;
    tick done = access_line(word->line, rank, now, t->op != OP_READ);
    spend(t, now, done);
    if (t->op == OP_WRITE) word->value = t->value;
    else if (t->op == OP_ADD) word->value += t->value;
    int64_t reply = word->value;
    if (word->waiters.first != NULL) grant_word(word, done);
    proceed(rank, t, reply);
    return !ended(rank, t);
  }
  case OP_LOCK: {
    struct lock *lock = t->object;
    if (lock->owner != NULL) {
      block(rank, t, &lock->waiters, true);
      struct lock_row *row = &lock_table[lock->class];
      if (lock->waiters.length > row->max_waiters) row->max_waiters = lock->waiters.length;
      return false;
    }
    tick done = access_line(lock->line, rank, now, true);
    spend(t, now, done);
    lock->owner = t;
    note_acquired(lock, done);
    proceed(rank, t, 0);
    return true;
  }
  case OP_UNLOCK: {
    struct lock *lock = t->object;
    tick done = access_line(lock->line, rank, now, true);
    spend(t, now, done);
    check_owner(lock, t);
    lock->owner = NULL;
    note_released(lock, done);
    if (lock->waiters.first != NULL) grant_lock(lock, done);
    proceed(rank, t, 0);
    return true;
  }
  case OP_DOWN_READ:
  case OP_DOWN_WRITE: {
    struct lock *sem = t->object;
    bool shared = t->op == OP_DOWN_READ;
    tick done = access_line(sem->line, rank, now, true);
    spend(t, now, done);
    if (!sem_admits(sem, shared)) {
      queue_push(&sem->waiters, t);
      struct lock_row *row = &lock_table[sem->class];
      if (sem->waiters.length > row->max_waiters) row->max_waiters = sem->waiters.length;
      t->since = done;
      give_up_cpu(rank);
      return false;
    }
    sem_grant(sem, t, shared);
    note_acquired(sem, done);
    proceed(rank, t, 0);
    return true;
  }
  case OP_UP_READ:
  case OP_UP_WRITE: {
    struct lock *sem = t->object;
    struct queue woken = {0};
    tick done = access_line(sem->line, rank, now, true);
    spend(t, now, done);
    if (t->op == OP_UP_READ) {
      sem->readers--;
    } else {
      check_owner(sem, t);
      sem->owner = NULL;
      note_released(sem, done);
    }
    choose_woken(sem, &woken);
    wake_semaphore(sem, done, &woken);
    proceed(rank, t, 0);
    return true;
  }
  case OP_WAIT:
  case OP_POLL: {
    struct word *word = t->object;
    if (word->value != 1) {
      block(rank, t, &word->waiters, t->op == OP_POLL && runqueue[rank].length == 0);
      return false;
    }
    spend(t, now, access_line(word->line, rank, now, false));
    proceed(rank, t, 0);
    return !ended(rank, t);
  }
  case OP_CLEAR: {
    struct page *page = &mem_map[t->page];
    spend(t, now, clear_memory(rank, now, page->node));
    page->word0 = 0;
    proceed(rank, t, 0);
    return true;
  }
  case OP_SPAWN: {
    struct thread *child = t->object;
    spend(t, now, now);
    child->spawned = true;
    start_thread(child, now + (node_of[rank] == node_of[child->cpu] ? cost_start_same : cost_start_other));
    proceed(rank, t, 0);
    return true;
  }
  default:
    die("a thread without a step is due", "");
    return false;
  }
}

static void run(void) {
  while (heap_size > 0) {
    int rank = heap[0] & (width - 1);
    struct thread *t = current[rank];
    do {
      if (!act(rank, t)) break;
    } while (heap_advance(clock_of[rank], rank));
  }
}

/* ---- boot and main ------------------------------------------------------------------------------------------ */

static int hops(int a, int b) {
  int distance = 0;
  for (; a != b; a >>= 1, b >>= 1) distance++;
  return distance;
}

static void boot_machine(void) {
  int per_node = setting("cpusPerNode");
  for (width = 2; width < cpus; width *= 2) {}
  nodes = (cpus + per_node - 1) / per_node;
  clock_of = need(calloc(cpus, sizeof *clock_of));
  current = need(calloc(cpus, sizeof *current));
  runqueue = need(calloc(cpus, sizeof *runqueue));
  node_of = need(calloc(cpus, sizeof *node_of));
  bus_free = need(calloc(nodes, sizeof *bus_free));
  transfer = need(calloc((size_t)nodes * nodes, sizeof *transfer));
  heap = need(calloc(cpus + 1, sizeof *heap));
  for (int cpu = 0; cpu < cpus; cpu++) node_of[cpu] = cpu / per_node;
  for (int from = 0; from < nodes; from++) {
    for (int to = 0; to < nodes; to++) {
      int distance = hops(from, to);
      transfer[from * nodes + to] =
          distance == 0 ? transfer_same : transfer_other + (distance - 1) * transfer_hop;
    }
  }
  memset(lock_table, 0, sizeof lock_table);
  memset(cpu_time, 0, sizeof cpu_time);
  heap_size = nr_threads = anon_vmas = 0;
  steps = owed = end_time = 0;
}

static void boot_memory(void) {
  zones = need(calloc(nodes, sizeof *zones));
  pageset = need(calloc((size_t)cpus * nodes, sizeof *pageset));
  pagevecs = need(calloc(cpus, sizeof *pagevecs));
  nr_frames = 0;
  new_frame(0); /* the zero page */
  for (int node = 0; node < nodes; node++) {
    struct zone *zone = &zones[node];
    init_line(&zone->line);
    init_line(&zone->lru_line);
    init_lock(&zone->lock, &zone->line, ZONE_LOCK);
    init_lock(&zone->lru_lock, &zone->lru_line, LRU_LOCK);
    init_word(&zone->free_pages, &zone->line, pages_per_node);
    init_word(&zone->nr_active, &zone->lru_line, 0);
  }
  for (int cpu = 0; cpu < cpus; cpu++) {
    struct pcp *pcp = pcp_of(cpu, node_of[cpu]);
    pagevecs[cpu].pages = need(malloc(pagevec_size * sizeof *pagevecs[cpu].pages));
    for (int i = 0; i < pcp_low + pcp_batch; i++)
      pcp->list[pcp->length++] = take_from_zone(&zones[node_of[cpu]], node_of[cpu]);
  }
}

static void start_threads(void) {
  struct mm *mm = mm_alloc();
  if (!faults_only) {
    start_thread(new_thread(0, mm, PFT_START), 0);
    return;
  }
  for (int i = 0; i < threads_per_child; i++) start_thread(new_thread(i % cpus, mm, THREAD_START), 0);
}

static void shut_down(void) {
  struct mm *last = NULL;
  for (int i = 0; i < nr_threads; i++) {
    struct thread *t = all_threads[i];
    if (t->op != OP_NONE) die("a thread is stuck", "");
    if (t->state != EXITED) die("a thread has not run", "");
    if (t->mm != last && (faults_only || i < 1 || t->children != NULL)) mm_free(last = t->mm);
    free(t->exited_line.copies);
    free(t->children);
  }
  for (int i = 0; i < nr_threads; i++) free(all_threads[i]);
  for (int node = 0; node < nodes; node++) {
    free(zones[node].line.copies);
    free(zones[node].lru_line.copies);
    free(zones[node].free_list);
  }
  for (long i = 0; i < (long)cpus * nodes; i++) free(pageset[i].list);
  for (int cpu = 0; cpu < cpus; cpu++) free(pagevecs[cpu].pages);
  free(zones), free(pageset), free(pagevecs);
  free(clock_of), free(current), free(runqueue), free(node_of), free(bus_free), free(transfer), free(heap);
}

static void print_result(double seconds) {
  printf("{\"seconds\":%.9f,\"wall\":%" PRId64 ",\"user\":%" PRId64, seconds, end_time, cpu_time[USER]);
  printf(",\"system\":%" PRId64 ",\"steps\":%" PRId64 ",\"locks\":{", cpu_time[SYSTEM], steps);
  const char *comma = "";
  for (int i = 0; i < LOCK_CLASSES; i++) {
    struct lock_row *row = &lock_table[i];
    if (row->acquisitions == 0) continue;
    printf("%s\"%s\":[%" PRId64 ",%" PRId64 ",%" PRId64, comma, class_names[i], row->acquisitions, row->contended,
           row->wait);
    printf(",%" PRId64 ",%" PRId64 ",%" PRId64 "]", row->max_wait, row->hold, row->max_waiters);
    comma = ",";
  }
  printf("}}\n");
}

static double cpu_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

int main(void) {
  read_settings();
  configure();
  for (int i = setting("runs"); i > 0; i--) {
    boot_machine();
    boot_memory();
    double start = cpu_seconds();
    start_threads();
    run();
    double seconds = cpu_seconds() - start;
    print_result(seconds);
    shut_down();
  }
  return 0;
}
