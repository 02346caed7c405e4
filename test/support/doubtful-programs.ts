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
  ['a lock given back that was never had', [[['unlock', 'spin']], [['try', 'spin', [['crash', 'a']]]]], 2],
];
