/*
 * The doorbells: the sleepers, the wakers, and the property that a sleeper with work is woken.
 *
 * Law: a model, not the code. Each step names the lines that it models. A request is a count here; `ring.pml` models
 * the identity of requests. The waker's timer (acceptor/turn/waker.ts #watch) is left out, so no thread wakes by luck.
 * Messages have no content: only the number of messages in the mail counts.
 */
#define WORKERS 2
#ifndef REQUESTS
#define REQUESTS 3
#endif

byte queue;                     /* ring/request-ring.ts depth: pushed and not claimed */
byte holds[WORKERS];            /* claimed and not committed */
byte records[WORKERS];          /* committed in a worker's response ring, not drained */
bool asleep[WORKERS];           /* ring/layout.ts ASLEEP */
bool acceptor_asleep;           /* ring/layout.ts ACCEPTOR_ASLEEP */
byte mail[WORKERS];             /* posted to a worker */
byte acceptor_mail;
byte arrived, answered;
bool alive[WORKERS] = true;
bool exited[WORKERS];

/* worker/exchange/loop.ts #turn and #sleep; ring/doorbell.ts */
proctype worker(byte me) {
  bool mine;
  {
    do
    :: asleep[me] = false;                             /* #turn: sleeper.disarm */
    do                                                 /* #pull */
    :: atomic { queue > 0 -> queue--; holds[me]++ }    /* request-ring.ts claim: its CAS */
       atomic { records[me]++; holds[me]-- }           /* byte-ring.ts commit */
       if                                              /* Doorbell.ring: load, then exchange */
       :: acceptor_asleep ->
          atomic { mine = acceptor_asleep; acceptor_asleep = false }
          if :: mine -> acceptor_mail++ :: else fi     /* postMessage */
       :: else
       fi
    :: queue == 0 -> break
    od;
#ifndef LOOK_FIRST
    asleep[me] = true;                                 /* #sleep: sleeper.arm */
#endif
    if
#ifndef NO_SECOND_LOOK
    :: queue > 0 -> goto again                         /* #sleep: the second look */
    :: else
#else
    :: true
#endif
    fi;
#ifdef LOOK_FIRST
    asleep[me] = true;
#endif
    mail[me] > 0;                                      /* the event loop blocks */
    mail[me]--;
again:
    skip
    od
  } unless { !alive[me] }
}

inline ring(i) {                                       /* Doorbell.ring of worker i */
  if
  :: asleep[i] ->
     atomic { mine = asleep[i]; asleep[i] = false }
     if :: mine -> mail[i]++ :: else fi
  :: else
  fi
}

/* acceptor/acceptor.ts #turn and #sleep */
proctype acceptor() {
  bool mine;
  acceptor_asleep = true;
sleeping:
  if                                                   /* the event loop */
  :: arrived < REQUESTS -> acceptor_asleep = false; arrived++; queue++   /* a request: requestTurn, push */
  :: acceptor_mail > 0 -> acceptor_mail--; acceptor_asleep = false       /* a message: requestTurn */
  :: atomic {                                          /* detach: drained and judged, requestTurn */
       !alive[0] && !exited[0] -> exited[0] = true;
       answered = answered + records[0] + holds[0];    /* what it held is 502 (or runs elsewhere: ring.pml) */
       records[0] = 0
     };
     acceptor_asleep = false
  fi;
turn:
  do                                                   /* #drain of every link */
  :: records[0] > 0 -> atomic { records[0]--; answered++ }
  :: records[1] > 0 -> atomic { records[1]--; answered++ }
  :: else -> break
  od;
  if                                                   /* waker.ts wake: at most one */
  :: queue > 0 ->
     if
     :: alive[0] && asleep[0] -> ring(0)
     :: asleep[1] -> ring(1)
     :: else
     fi
  :: else
  fi;
  acceptor_asleep = true;                              /* #sleep: arm */
#ifndef NO_ACCEPTOR_LOOK
  if                                                   /* #sleep: the second look, links.ready */
  :: records[0] > 0 || records[1] > 0 -> acceptor_asleep = false; goto turn
  :: else
  fi;
#endif
  goto sleeping
}

/* Worker 0 may be killed between any two steps. */
proctype killer() {
  if
  :: alive[0] = false
  :: true
  fi
}

init { atomic { run acceptor(); run worker(0); run worker(1); run killer() } }

ltl answered { [] ((arrived == REQUESTS) -> <> (answered == REQUESTS)) }
ltl woken { [] ((queue > 0 && asleep[1] && asleep[0]) -> <> (queue == 0)) }
