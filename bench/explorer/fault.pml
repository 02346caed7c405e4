/*
 * The fault model in Promela: N faulters and one zapper on one pte, a step each for every access, lock and unlock.
 * Processes block at their end instead of dying, which would count as steps. Told by the command line:
 *
 *   -DN=4       the number of faulters
 *   -DBUGGY     the faulter stores its page without looking at the pte again
 *   -DNO_CHECK  nobody looks at the end, so that the states are those of the model alone
 */
#define id (_pid + 1)

byte pte = 0;
byte page[N + 1];
bit ptl = 0;

active [N] proctype faulter() {
  if
  :: pte != 0
  :: pte == 0 ->
     page[id] = 1;
     d_step { ptl == 0 -> ptl = 1 };
#ifdef BUGGY
     pte = id;
#else
     if
     :: pte == 0 -> pte = id
     :: pte != 0 -> page[id] = 0
     fi;
#endif
     ptl = 0
  fi;
end:
  false
}

active proctype zapper() {
  byte p;
  d_step { ptl == 0 -> ptl = 1 };
  if
  :: d_step { pte != 0 -> p = pte };
     pte = 0;
     ptl = 0;
     assert(page[p] == 1);
     page[p] = 0
  :: pte == 0 -> ptl = 0
  fi;
end:
  false
}

#ifndef NO_CHECK
/* When nobody can go on. If somebody should have, pan finds an invalid end state. */
active proctype check() {
  byte i, allocated;
  d_step {
    timeout;
    for (i : 1 .. N) { allocated = allocated + page[i] }
    assert(allocated == (pte != 0));
    allocated = 0;
    i = 0
  }
}
#endif
