/* world.h - the model of a group of workers: what there is. See ../test_model.c.
 *
 * One thread, no clock: the scheduler picks one enabled action after the other, and whatever a time
 * decides in reality (a session, a lease, a back-off) is an action that may come at any step after
 * it became possible. Everything that happens follows from the seed.
 */
#ifndef WEIR_TESTS_MODEL_WORLD_H
#define WEIR_TESTS_MODEL_WORLD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define WORKERS    5
#define CONNECTORS 3
#define SLOTS      4 /* the connector itself, then up to three tasks */
#define ITEMS      (CONNECTORS * SLOTS)
#define MEMBERS    12
#define ORPHANS    4
#define QUEUE      8
#define LOG_ROOM   4000
#define TRACED     160 /* lines: about a hundred steps */
#define NOBODY     (-1)

/* Guards of the design. A run without one of them has to break an invariant. */
typedef enum guard {
    FENCE = 1 << 0,             /* a newer init_transactions ends the older producer */
    CLAIM_READ_BACK = 1 << 1,   /* leads only when the own leader record has been read */
    WRITE_READ_BACK = 1 << 2,   /* the next decision waits until the last one has been read */
    ACK = 1 << 3,               /* what was taken is given away only when acknowledged ... */
    STOPPING = 1 << 4,          /* ... and not while it is still stopping */
    OWN_INSTANCE = 1 << 5,      /* tasks start only when the assignment names this process */
    RECLAIM_READS = 1 << 6,     /* candidate (b) reads the log to its end first */
    LEASE = 1 << 7,             /* without a lease nothing is emitted */
    RESUME_READS = 1 << 8,      /* back in the group, the log is read to its end first */
    VACANCY = 1 << 9,           /* the partition's holder sees whether the leader is there */
    ALIVE_AGAIN = 1 << 10,      /* a false alarm ends */
    PRESENCE_IN_TIME = 1 << 11, /* assumed: who may emit has written presence within 500 ms */
    LEASE_IN_ROUND = 1 << 12, /* the lease ends also while an answer to JoinGroup is outstanding */
    OWN_RECORD = 1 << 14, /* proposed: whom the log names, and who does not lead, claims again */
    RESUME_IN_TIME = 1 << 13, /* assumed: no decision is on its way when somebody comes back */
} guard;

/* Which invariant a run has broken. */
typedef enum broken {
    HOLDS,
    LEADERS = 1 << 0,  /* 1: one leader whose commits count, terms increase */
    EMITTERS = 1 << 1, /* 2: nothing emits twice but where section 5 allows it */
    PLACES = 1 << 2,   /* 3: in an assignment nothing is twice or lost */
    PHASES = 1 << 3,   /* 4: first let go, then given away */
    SETTLES = 1 << 4,  /* 5: in the end all is placed and runs once */
    TUG = 1 << 5,      /* 6: who was deposed alive does not take the lead back */
} broken;

typedef struct position {
    int term, seq;
} position;

typedef struct place {
    int8_t worker, from, from_instance; /* NOBODY: none */
    position taken;                     /* the decision that took it from `from` */
} place;

/* Why a decision left out a worker that was alive. */
typedef enum dropped { NOT_DROPPED, FALSE_ALARM, LATE_PRESENCE, OUT_OF_GROUP } dropped;

typedef enum record_kind { LEADER_RECORD, PRESENCE, ASSIGNMENT, CONFIG } record_kind;
typedef enum reason { NO_CANDIDATE, BY_PARTITION, BY_RECLAIM, BY_DEATH } reason;

typedef struct record {
    record_kind kind;
    int8_t worker, instance; /* who wrote it */
    int generation;
    position at;   /* ASSIGNMENT: its own; PRESENCE: the ack; others: the writer's term */
    reason why;    /* LEADER_RECORD */
    int successor; /* LEADER_RECORD of (b): the newest one when its L was found dead */
    uint16_t stopping;
    bool leaving;
    int8_t connector, tasks; /* CONFIG; tasks NOBODY: deleted */
    int8_t named[WORKERS];   /* ASSIGNMENT: the instance it counts on; NOBODY: not there */
    place places[ITEMS];
    uint8_t dropped[WORKERS];
} record;

/* ---- Kafka ------------------------------------------------------------------------------------
 */

typedef struct member {
    int id, rank; /* the lowest rank, the member id's place in the order, holds the partition */
    int8_t worker, instance;
    bool joined;   /* waits in the join round */
    bool answered; /* the round's outcome is on its way */
    bool holds;
    int generation;
} member;

typedef enum write_stage { NO_WRITE, TO_INIT, SENT, ANSWERED } write_stage;
typedef enum write_kind { CLAIM, ASSIGN, COMMAND } write_kind;
typedef enum outcome { COMMITTED, FENCED, ABORTED } outcome;

typedef struct commit {
    write_stage stage;
    write_kind kind;
    outcome outcome;
    int epoch, offset;
    record record;
} commit;

/* ---- A worker ---------------------------------------------------------------------------------
 */

typedef enum role { FOLLOWER, CANDIDATE, LEADER } role;

typedef struct worker {
    /* the process */
    bool up, frozen, cut; /* cut: from Kafka; its peers are there */
    int instance;
    record queue[QUEUE]; /* P: presence on its way; outlives the process until the next start */
    int queued;

    /* the log as far as it was read */
    int read;
    bool log_read; /* to its end, once */
    int leader_term, leader_worker, leader_instance;
    int presence[WORKERS]; /* offsets; NOBODY: none */
    int assignment;        /* offset */
    int8_t tasks[CONNECTORS];

    /* the group */
    int member; /* id; 0: none */
    bool in_group, ever_in_group, holds, suspended, lease;
    int generation, resume_at; /* offset; NOBODY: not asked for */
    bool patience_over;        /* 500 ms with this generation */

    /* the lead */
    role role;
    int term, seq, epoch;
    reason candidate;
    int candidate_since, reclaim_at; /* reclaim_at: offset to be read first; NOBODY: read */
    int successor;
    commit commit;
    int written; /* offset of what waits for its read-back; NOBODY: nothing does */
    bool in_flight, published, dirty;
    bool holding; /* was out of the group itself: waits for the missing */
    int accused[WORKERS];
    position accused_at[WORKERS];
    int alarms[WORKERS];

    /* the work */
    position applied;
    uint16_t assigned, running, ending, quiet; /* quiet: suspended one by one */
    bool presence_due, leaving, relieved, handed_over;
} worker;

/* A decision left this process out and it has not let go yet. */
typedef struct mark {
    position at;
    int instance;
} mark;

typedef struct world {
    uint64_t random;
    uint32_t without; /* guards */
    bool proposed;    /* the rules proposed in test_model.c */
    bool calm;        /* no more faults */
    int size, step;   /* size: how many worker ids there are */

    record log[LOG_ROOM];
    int end;
    int last_leader, last_assignment; /* offsets */
    int epoch;
    member members[MEMBERS];
    int member_count, last_member, generation;
    bool rebalancing;
    commit orphans[ORPHANS];
    worker workers[WORKERS];
    int instances[WORKERS];

    mark marks[WORKERS][OUT_OF_GROUP + 1];
    long twice[OUT_OF_GROUP + 1]; /* steps with two emitters, by the reason that allows them */
    broken broken;
    char why[300];

    bool tracing;
    char trace[TRACED][160];
    int traced;
} world;

static inline uint32_t dice(world *m, uint32_t sides)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return (uint32_t)((m->random * 2685821657736338717ULL) >> 33) % sides;
}

static inline bool guarded(const world *m, guard g)
{
    return !(m->without & g);
}

/* Is a older than b? */
static inline bool older(position a, position b)
{
    return a.term < b.term || (a.term == b.term && a.seq < b.seq);
}

__attribute__((format(printf, 2, 3))) static inline void say(world *m, const char *fmt, ...)
{
    va_list args;

    if (!m->tracing)
        return;
    va_start(args, fmt);
    vsnprintf(m->trace[m->traced++ % TRACED], sizeof(m->trace[0]), fmt, args);
    va_end(args);
}

__attribute__((format(printf, 3, 4))) static inline void violate(world *m, broken what,
                                                                 const char *fmt, ...)
{
    va_list args;

    if (m->broken)
        return;
    m->broken = what;
    va_start(args, fmt);
    vsnprintf(m->why, sizeof(m->why), fmt, args);
    va_end(args);
}

static inline member *find_member(const world *m, int id)
{
    for (int i = 0; id && i < m->member_count; i++)
        if (m->members[i].id == id)
            return (member *)(uintptr_t)&m->members[i];
    return NULL;
}

/* Has this process ended? */
static inline bool is_gone(const world *m, int w, int instance)
{
    return !m->workers[w].up || m->workers[w].instance != instance;
}

static inline bool may_emit(const world *m, const worker *w)
{
    return w->up && !w->suspended && (w->lease || !guarded(m, LEASE));
}

static inline bool is_wanted(const int8_t *tasks, int item)
{
    return tasks[item / SLOTS] != NOBODY && item % SLOTS <= tasks[item / SLOTS];
}

#endif
