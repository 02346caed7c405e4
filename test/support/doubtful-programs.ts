/** Small programs, each of which has led an explorer astray or might: what is peculiar about it, and what it has. */
import type { Threads } from './small-programs.ts';

/** With the number of classes of executions that run to their end. */
export const doubtful: readonly (readonly [string, Threads, number])[] = [
  ['nobody can act at all', [[['wait', 'x', 1]], [['wait', 'x', 1]]], 1],
  [
    'a thread that is shut out for ever, and was elsewhere when that was decided',
    [
      [['lock', 'spin']],
      [
        ['r', 'z'],
        ['lock', 'spin'],
      ],
    ],
    2,
  ],
  [
    'shut out by a trylock',
    [
      [['tryKeep', 'spin', []]],
      [
        ['inc', 'x'],
        ['in', 'spin', []],
        ['r', 'x'],
      ],
    ],
    3,
  ],
  [
    'two locks in both orders, taken late',
    [
      [
        ['r', 'x'],
        ['in', 'spin', [['in', 'spin2', []]]],
      ],
      [
        ['r', 'x'],
        ['in', 'spin2', [['in', 'spin', []]]],
      ],
    ],
    3,
  ],
  [
    'a value that comes and goes before anybody waits for it',
    [
      [
        ['w', 'x', 1],
        ['w', 'x', 0],
      ],
      [
        ['r', 'z'],
        ['wait', 'x', 0],
      ],
    ],
    2,
  ],
  [
    'a value that comes and goes twice',
    [
      [
        ['w', 'x', 1],
        ['w', 'x', 0],
        ['w', 'x', 1],
        ['w', 'x', 0],
      ],
      [
        ['r', 'z'],
        ['wait', 'x', 0],
        ['w', 'y', 1],
      ],
    ],
    3,
  ],
  [
    'a value that has gone for good',
    [
      [
        ['w', 'x', 1],
        ['w', 'x', 2],
      ],
      [
        ['r', 'z'],
        ['poll', 'x', 1],
        ['w', 'y', 1],
      ],
    ],
    2,
  ],
  ['a trylock in vain between two owners', [[['in', 'spin', []]], [['in', 'spin', []]], [['try', 'spin', []]]], 10],
  [
    'trylocks that shut each other out',
    [[['try', 'spin', [['w', 'x', 1]]]], [['try', 'spin', [['w', 'x', 2]]]], [['r', 'x']]],
    10,
  ],
  [
    'readers that come before, with and after a writer',
    [[['in', 'read', [['r', 'x']]]], [['in', 'read', [['r', 'x']]]], [['in', 'write', [['w', 'x', 1]]]]],
    4,
  ],
  [
    'a reader that queues behind a writer that queues behind a reader',
    [[['in', 'read', [['in', 'read', []]]]], [['in', 'write', []]]],
    3,
  ],
  [
    'trylocks of a rwsem with somebody in the queue',
    [[['in', 'read', []]], [['in', 'write', []]], [['try', 'read', []]]],
    6,
  ],
  [
    'a child that races with its parent',
    [
      [
        ['spawn', [['inc', 'x']]],
        ['inc', 'x'],
      ],
      [['r', 'x']],
    ],
    6,
  ],
  [
    'children of two parents, born in any order',
    [
      [
        ['spawnJoin', [['w', 'x', 1]]],
        ['r', 'y'],
      ],
      [
        ['spawnJoin', [['w', 'y', 1]]],
        ['r', 'x'],
      ],
    ],
    3,
  ],
  ['a lock taken twice', [[['in', 'mutex', [['lock', 'mutex']]]], [['in', 'mutex', []]]], 2],
  [
    'a thread that goes on when it has let another go on, and finds it there',
    [
      [['in', 'read', []]],
      [
        ['in', 'write', [['try', 'write', []]]],
        ['wait', 'x', 1],
      ],
    ],
    3,
  ],
  [
    'a grace period that is longer than the visit of a reader who came when it had begun',
    [
      [['in', 'rcu', [['r', 'y']]]],
      [['sync'], ['w', 'x', 1]],
      [
        [
          'in',
          'rcu',
          [
            ['w', 'y', 1],
            ['r', 'x'],
          ],
        ],
      ],
    ],
    12,
  ],
  [
    'readers that come in a section that others are in, and in one of their own',
    [[['in', 'rcu', [['in', 'rcu', [['r', 'x']]]]]], [['in', 'rcu', []]], [['sync'], ['w', 'x', 1]]],
    6,
  ],
  ['two grace periods', [[['in', 'rcu', []]], [['sync'], ['inc', 'x']], [['sync'], ['inc', 'x']]], 8],
  [
    'a callback that comes before its caller has left',
    [[['in', 'rcu', [['callRcu', [['w', 'x', 1]]]]]], [['in', 'rcu', [['r', 'x']]]]],
    3,
  ],
  [
    'two that call each other with interrupts off, and wait',
    [[['in', 'irqs', [['ipiAndWait', 1, []]]]], [['in', 'irqs', [['ipiAndWait', 1, []]]]]],
    3,
  ],
  [
    'choices of two threads, asked for in any order',
    [
      [['r', 'x'], ['choose'], ['if', 1, [['w', 'x', 1]]]],
      [['r', 'x'], ['choose'], ['if', 1, [['w', 'x', 2]]]],
    ],
    9,
  ],
  [
    'a choice that is asked for when a grace period is over',
    [[['in', 'rcu', [['w', 'x', 1]]]], [['sync'], ['choose'], ['if', 1, [['r', 'x']]]]],
    5,
  ],
];

/** With the number of crashes that differ in what the thread that crashes has done. */
export const doubtfulCrashes: readonly (readonly [string, Threads, number])[] = [
  [
    'one crash hides another',
    [
      [
        ['w', 'y', 1],
        ['crash', 'a'],
      ],
      [
        ['w', 'x', 1],
        ['crash', 'b'],
      ],
    ],
    2,
  ],
  [
    'a crash that needs two threads, while a third could have crashed by itself',
    [
      [
        ['w', 'x', 1],
        ['r', 'y'],
        ['if', 0, [['crash', 'a']]],
      ],
      [
        ['w', 'y', 1],
        ['r', 'x'],
        ['if', 1, [['crash', 'b']]],
      ],
      [
        ['w', 'z', 1],
        ['crash', 'c'],
      ],
    ],
    3,
  ],
  [
    'a reader that crashes when it gets the semaphore, and a writer that crashes later',
    [
      [
        ['in', 'write', [['wait', 'x', 1]]],
        ['w', 'y', 1],
        ['crash', 'b'],
      ],
      [
        ['w', 'x', 1],
        ['lock', 'read'],
        ['crash', 'a'],
      ],
    ],
    2,
  ],
  [
    'a crash with a lock held that somebody waits for',
    [
      [
        [
          'in',
          'spin',
          [
            ['w', 'x', 1],
            ['crash', 'a'],
          ],
        ],
      ],
      [
        ['r', 'z'],
        [
          'in',
          'spin',
          [
            ['r', 'x'],
            ['if', 0, [['crash', 'b']]],
          ],
        ],
      ],
    ],
    2,
  ],
  [
    'a value that is there until somebody else has gone on, and a crash before and after',
    [
      [['unlock', 'spin']],
      [
        ['w', 'x', 2],
        ['w', 'x', 0],
      ],
    ],
    1,
  ],
  [
    'a thread that crashes when it is started, by one that would have gone on',
    [
      [['r', 'x']],
      [
        [
          'spawn',
          [
            ['crash', 'a'],
            ['lock', 'read'],
          ],
        ],
        ['w', 'x', 0],
        ['in', 'read', [['lock', 'read']]],
      ],
      [['cas', 'x', 0, 0]],
      [['r', 'x']],
    ],
    1,
  ],
  ['a lock given back that was never had', [[['unlock', 'spin']], [['try', 'spin', [['crash', 'a']]]]], 2],
];
