/* test_group.c - membership on real brokers: generations that all members agree on, a leave that
 * is noticed at once and a death that is noticed by the session timeout.
 *
 * The diary: 'A' assigned, 'R' revoked, 'L' lost, '!' refused, 'X' left (who: which member, a:
 * generation, b: holds partition 0, text: member id).
 */
#include "layer.h"

#include "kafka/group.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define SOON_MS    20000
#define SESSION_MS 6000

static weir_props props;
static diary events;
static size_t at;
static char *topic;
static int first = 1, second = 2;
static weir_lease *leases[3];
static atomic_bool herder_is_well;

static void on_event(void *ctx, const weir_group_event *event)
{
    static const char letters[] = {'A', 'R', 'L', '!', 'X'};

    diary_note(&events, letters[event->change], *(int *)ctx, event->generation,
               event->holds_partition, event->member);
}

static bool is_well(void *ctx)
{
    return *(int *)ctx != 1 || atomic_load(&herder_is_well);
}

static void setup(void)
{
    set_up_props(&props);
    diary_open(&events);
    at = 0;
    atomic_store(&herder_is_well, true);
    topic = new_topic("group", 1);
    for (int who = first; who <= second; who++)
        leases[who] = weir_lease_new(&weir_clock_boot, SESSION_MS, 1000, 60000);
}

static void teardown(void)
{
    weir_props_clear(&props);
    diary_close(&events);
    for (int who = first; who <= second; who++)
        weir_lease_free(leases[who]);
    free(topic);
}

static weir_group *join(int *who)
{
    char *name = weir_format("127.0.0.1:%d", 8082 + *who);
    weir_group *group = NULL;
    weir_group_options options = {.props = &props,
                                  .group_id = topic,
                                  .topic = topic,
                                  .worker_id = name,
                                  .session_timeout_ms = SESSION_MS,
                                  .heartbeat_interval_ms = 1000,
                                  .rebalance_timeout_ms = 60000,
                                  .event = on_event,
                                  .herder_lives = is_well,
                                  .ctx = who,
                                  .lease = leases[*who]};
    weir_err err;

    ck_assert_msg(weir_group_join(&options, &group, &err) == WEIR_OK, "%s", err.msg);
    free(name);
    return group;
}

/* Both are in one generation: returns it. */
static int64_t agree(void)
{
    entry one = diary_wait(&events, &at, 'A', 1, SOON_MS), two;
    size_t from = 0;

    for (;;) {
        two = diary_wait(&events, &from, 'A', 2, SOON_MS);
        while (one.a < two.a)
            one = diary_wait(&events, &at, 'A', 1, SOON_MS);
        if (one.a == two.a)
            break;
    }
    ck_assert_int_eq(one.b + two.b, 1); /* one of them holds the partition */
    ck_assert_int_eq(one.b, 1);         /* the one whose id is the smaller */
    ck_assert_msg(strncmp(one.text, "127.0.0.1:8083-", 15) == 0, "got: %s", one.text);
    ck_assert_str_ne(one.text, two.text);
    return one.a;
}

START_TEST(two_members_share_a_generation_and_a_leave_is_noticed_at_once)
{
    weir_group *one = join(&first), *two;
    int64_t generation, since_ms, took_ms;
    entry alone = diary_wait(&events, &at, 'A', 1, SOON_MS), after;

    ck_assert_int_eq(alone.b, 1);
    ck_assert_int_ge(alone.a, 1);
    two = join(&second);
    generation = agree();
    ck_assert_int_gt(generation, alone.a);

    since_ms = weir_now_ms();
    weir_group_leave(one); /* the one with the partition */
    at = 0;
    ck_assert_int_eq(diary_wait(&events, &at, 'X', 1, SOON_MS).a, -1);
    took_ms = weir_now_ms() - since_ms;
    at = 0;
    do
        after = diary_wait(&events, &at, 'A', 2, SOON_MS);
    while (after.a <= generation);
    printf("left after %lld ms, seen after %lld ms\n", (long long)took_ms,
           (long long)(after.at_ms - since_ms));
    ck_assert_int_eq(after.b, 1);
    ck_assert_int_lt(took_ms, scaled(1500));
    ck_assert_int_lt(after.at_ms - since_ms, SESSION_MS - 1000); /* told, not timed out */
    ck_assert_uint_eq(diary_count(&events, 'L'), 0);
    weir_group_close(one);

    since_ms = weir_now_ms();
    weir_group_close(two); /* leaves too */
    ck_assert_int_lt(weir_now_ms() - since_ms, scaled(2500));
    ck_assert_uint_eq(diary_count(&events, 'X'), 2);
}
END_TEST

START_TEST(a_member_without_the_partition_leaves_as_fast)
{
    weir_group *one = join(&first), *two;
    int64_t generation, since_ms;
    entry after;

    diary_wait(&events, &at, 'A', 1, SOON_MS);
    two = join(&second);
    generation = agree();
    since_ms = weir_now_ms();
    weir_group_close(two);
    do
        after = diary_wait(&events, &at, 'A', 1, SOON_MS);
    while (after.a <= generation);
    printf("an empty member's leave was seen after %lld ms\n", (long long)(after.at_ms - since_ms));
    ck_assert_int_lt(after.at_ms - since_ms, SESSION_MS - 1000); /* told, not timed out */
    weir_group_close(one);
}
END_TEST

/* The child is a member until it is killed. */
static pid_t start_member(int *who)
{
    int ready[2];
    char byte;
    pid_t child;

    ck_assert_int_eq(pipe(ready), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        weir_group *group = join(who);

        diary_wait(&events, &at, 'A', *who, SOON_MS);
        if (write(ready[1], "!", 1) == 1)
            for (;;)
                pause();
        weir_group_close(group);
        _exit(0);
    }
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

START_TEST(a_killed_member_is_missed_after_its_session)
{
    pid_t child = start_member(&first); /* before this process has threads */
    weir_group *two = join(&second);
    entry together = diary_wait(&events, &at, 'A', 2, SOON_MS), after;
    int64_t since_ms;

    ck_assert_int_eq(together.b, 0); /* the child holds the partition */
    kill(child, SIGKILL);
    since_ms = weir_now_ms();
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    after = diary_wait(&events, &at, 'A', 2, SOON_MS);
    printf("a killed member was missed after %lld ms\n", (long long)(after.at_ms - since_ms));
    ck_assert_int_gt(after.a, together.a);
    ck_assert_int_eq(after.b, 1);
    ck_assert_int_lt(after.at_ms - since_ms, scaled(SESSION_MS + 4000));
    weir_group_close(two);
}
END_TEST

START_TEST(a_hanging_herder_loses_the_membership_until_it_is_back)
{
    weir_group *one = join(&first), *two;
    int64_t generation;
    size_t of_two = 0;
    entry e;

    diary_wait(&events, &at, 'A', 1, SOON_MS);
    two = join(&second);
    generation = agree();
    atomic_store(&herder_is_well, false);
    diary_wait(&events, &at, 'L', 1, 10000);
    do
        e = diary_wait(&events, &of_two, 'A', 2, 10000);
    while (e.a <= generation);
    ck_assert_int_eq(e.b, 1);

    atomic_store(&herder_is_well, true);
    e = diary_wait(&events, &at, 'A', 1, SOON_MS);
    ck_assert_int_gt(e.a, generation + 1);
    weir_group_close(one);
    weir_group_close(two);
}
END_TEST

START_TEST(a_stopped_process_finds_its_membership_lost)
{
    pid_t child;
    int lost[2];
    char byte = 0;

    ck_assert_int_eq(pipe(lost), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        weir_group *group = join(&first);
        int told = 0;

        diary_wait(&events, &at, 'A', 1, SOON_MS);
        told += write(lost[1], "A", 1) == 1;
        diary_wait(&events, &at, 'L', 1, 2 * SOON_MS);
        told += write(lost[1], "L", 1) == 1;
        diary_wait(&events, &at, 'A', 1, SOON_MS);
        told += write(lost[1], "A", 1) == 1;
        weir_group_close(group);
        _exit(told == 3 ? 0 : 1);
    }
    close(lost[1]);
    ck_assert_int_eq(read(lost[0], &byte, 1), 1);
    kill(child, SIGSTOP);
    nanosleep(&(struct timespec){(SESSION_MS + 3000) / 1000, 0}, NULL); /* the session is over */
    kill(child, SIGCONT);
    ck_assert_int_eq(read(lost[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'L');
    ck_assert_int_eq(read(lost[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'A');
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    close(lost[0]);
}
END_TEST

START_TEST(kafka_away_for_longer_than_a_session_is_a_loss_and_mends)
{
    weir_group *one = join(&first);
    entry before = diary_wait(&events, &at, 'A', 1, SOON_MS), after;

    broker("kill 1 2 3");
    diary_wait(&events, &at, 'L', 1, SESSION_MS + 9000);
    broker("start 1 2 3");
    after = diary_wait(&events, &at, 'A', 1, 2 * SOON_MS);
    ck_assert_int_eq(after.b, 1);
    ck_assert_str_ne(after.text, before.text);
    weir_group_close(one);
}
END_TEST

START_TEST(without_kafka_leaving_is_bounded)
{
    weir_group *one;
    int64_t since_ms;

    weir_props_set(&props, "bootstrap.servers", "127.0.0.1:1");
    one = join(&first);
    since_ms = weir_now_ms();
    weir_group_close(one);
    ck_assert_int_lt(weir_now_ms() - since_ms, scaled(3000));
    ck_assert_uint_eq(diary_count(&events, 'X'), 1);
}
END_TEST

WEIR_UNIT_MAIN("group", tcase_set_timeout(tests, (double)scaled(90000) / 1000);
               tcase_add_checked_fixture(tests, setup, teardown);
               tcase_add_test(tests, two_members_share_a_generation_and_a_leave_is_noticed_at_once);
               tcase_add_test(tests, a_member_without_the_partition_leaves_as_fast);
               tcase_add_test(tests, a_killed_member_is_missed_after_its_session);
               tcase_add_test(tests, a_hanging_herder_loses_the_membership_until_it_is_back);
               tcase_add_test(tests, a_stopped_process_finds_its_membership_lost);
               tcase_add_test(tests, kafka_away_for_longer_than_a_session_is_a_loss_and_mends);
               tcase_add_test(tests, without_kafka_leaving_is_bounded);)
