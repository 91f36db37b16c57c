/*
 * The request ring and the exchange table: one acceptor, three consumers, kills.
 *
 * Law: a model, not the code. Each step names the lines that it models. A change of those lines requires a change here.
 * The scheduler of lab/proof explores the code itself, to its ends. A search for ends cannot prove progress, so this
 * model adds it: under weak fairness every published request is answered at last, whatever the acceptor does meanwhile.
 *
 * Every statement is one atomic access of `ring/memory.ts`; what is private is done with it.
 */
#ifndef REQUESTS
#define REQUESTS 2
#endif
#define CONSUMERS 3
#define RING 4
#define NOBODY 9

mtype = { FREE, PENDING, TAKEN, RUNNING };

byte head, tail;               /* ring/layout.ts REQUEST_HEAD, REQUEST_TAIL; they do not wrap here */
byte slot[RING];               /* ring/layout.ts SLOT */
mtype state[REQUESTS] = FREE;  /* ring/layout.ts CONTROL: state … */
byte owner[REQUESTS] = NOBODY; /* … and owner, one word with it */
byte position[REQUESTS];       /* acceptor/exchange/exchanges.ts Exchange.position, private */
byte committed[REQUESTS];      /* an END in its worker's response ring: the worker's number + 1 */
bool published[REQUESTS];
byte ran[REQUESTS], answered[REQUESTS];
bool alive[CONSUMERS] = true;
bool judged[CONSUMERS];

inline answer(r) {
  answered[r]++;
  assert(answered[r] == 1);
}

/* ring/request-ring.ts push */
inline push(r) {
  assert(tail - head < RING);    /* load HEAD; TAIL is the acceptor's own */
#ifdef TAIL_FIRST
  position[r] = tail;
  tail++;
  slot[(tail - 1) % RING] = r;
#else
  slot[tail % RING] = r;         /* store SLOT */
  position[r] = tail;
  tail++                         /* store TAIL */
#endif
}

/* worker/exchange/loop.ts #claim, worker/exchange/gateway.ts run; a killed worker gets no more steps */
proctype consumer(byte me) {
  byte h, r;
  bool won;
  {
    do
    :: atomic { head != tail -> h = head }   /* request-ring.ts claim: load HEAD, load TAIL */
       r = slot[h % RING];                   /* load SLOT */
       atomic {                              /* compareExchange HEAD */
         won = (head == h);
         if :: won -> head = h + 1 :: else fi
       }
       if
       :: won ->
#ifdef NO_TAKE_CAS
          won = (state[r] == PENDING);
          if :: won -> atomic { state[r] = TAKEN; owner[r] = me } :: else fi;
#else
          atomic {                           /* exchange-table.ts take: compareExchange CONTROL, owner in it */
            won = (state[r] == PENDING);
            if :: won -> state[r] = TAKEN; owner[r] = me :: else fi
          }
#endif
          if
          :: won ->
             state[r] = RUNNING;             /* exchange-table.ts run: store CONTROL */
             atomic { ran[r]++; assert(ran[r] == 1) }
             committed[r] = me + 1           /* byte-ring.ts commit: store PRODUCER_POSITION */
          :: else
          fi
       :: else
       fi
    od
  } unless { !alive[me] }
}

/* acceptor/acceptor.ts #drain: a record counts, whoever lives; answered means: to the end, or 502 */
inline drain(i) {
  d_step {                                   /* nobody else touches what was committed */
    r = 0;
    do
    :: r < REQUESTS ->
       if
       :: committed[r] == i + 1 -> committed[r] = 0; state[r] = FREE; answer(r)
       :: else
       fi;
       r++
    :: else -> break
    od;
    r = 0
  }
}

/* acceptor/acceptor.ts detach, exchanges.ts judge and #judgeOne */
inline detach(i) {
  drain(i);
  do
  :: r < REQUESTS ->
     if
#ifndef FORGET
     :: atomic { state[r] == PENDING && head > position[r] -> push(r) }        /* claimed by somebody, taken by nobody */
#endif
     :: atomic { state[r] == TAKEN && owner[r] == i -> state[r] = PENDING; push(r) }      /* runs elsewhere */
     :: atomic { state[r] == RUNNING && owner[r] == i -> state[r] = FREE; answer(r) }     /* 502 */
     :: else
     fi;
     r++
  :: else -> atomic { r = 0; judged[i] = true; break }
  od
}

proctype acceptor() {
  byte next, r;
  bool left;
  do
  :: next < REQUESTS ->                      /* exchanges.ts submit: publish, then #enqueue */
     atomic { state[next] = PENDING; published[next] = true }
     push(next);
     next++
  :: next > 0 && !left ->                    /* exchanges.ts cancel: compareExchange CONTROL; its entry stays */
     left = true;
     atomic { if :: state[0] == PENDING -> state[0] = FREE; answer(0) :: else fi }
  :: atomic { committed[0] == 1 || committed[REQUESTS - 1] == 1 -> drain(0) }  /* #turn */
  :: atomic { committed[0] == 2 || committed[REQUESTS - 1] == 2 -> drain(1) }
  :: atomic { committed[0] == 3 || committed[REQUESTS - 1] == 3 -> drain(2) }
  :: !alive[0] && !judged[0] -> detach(0)
  :: !alive[1] && !judged[1] -> detach(1)
  :: !alive[2] && !judged[2] -> detach(2)
  od
}

/* terminate(): between any two steps; one consumer lives on */
proctype killer() {
  if
  :: alive[0] = false
  :: true
  fi;
  if
  :: alive[1] = false
  :: true
  fi
}

init {
  atomic {
    run acceptor();
    run consumer(0);
    run consumer(1);
    run consumer(2);
    run killer()
  }
}

ltl answered { [] (published[REQUESTS - 1] -> <> (answered[REQUESTS - 1] == 1)) }
