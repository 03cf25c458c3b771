/* test_herder.c - several herders, one cluster: leadership, assignment, hand-over, commands.
 *
 * Real herders with their threads on a Kafka of our own making (fakes.h), which makes a thousand
 * decisions a second and shows at once when something runs twice or nowhere.
 */
#include "fakes.h"
#include "tests/support/unit.h"

#define MOST 6

static struct {
    weir_worker_settings settings;
    weir_herder *herder;
} workers[MOST];

static weir_registry *registry; /* empty: no plugin is called here */

static void no_fatal(void *ctx, const weir_err *err)
{
    (void)ctx;
    ck_abort_msg("fatal: %s", err->msg);
}

static void start_worker(int n)
{
    weir_worker_settings *s = &workers[n].settings;

    *s = (weir_worker_settings){.bootstrap_servers = "fake:1",
                                .group_id = "g",
                                .config_topic = "configs",
                                .status_topic = "status",
                                .offset_topic = "offsets",
                                .session_timeout_ms = 600000, /* slow test hosts */
                                .graceful_shutdown_ms = 5000};
    snprintf(s->worker_id, sizeof(s->worker_id), "w%d:1", n);
    snprintf(s->url, sizeof(s->url), "http://w%d:1/", n);
    weir_props_set(&s->props, "bootstrap.servers", "fake:1");
    workers[n].herder = weir_herder_start(
        &(weir_herder_options){.settings = s, .registry = registry, .fatal = no_fatal});
}

static void stop_worker(int n)
{
    weir_herder_stop(workers[n].herder);
    weir_herder_free(workers[n].herder);
    weir_props_clear(&workers[n].settings.props);
    workers[n].herder = NULL;
}

/* As kill -9: nothing of it goes out any more, the group forgets it, its tasks end with it. */
static void kill_worker(int n)
{
    weir_herder *h = workers[n].herder;
    weir_group *member;

    pthread_mutex_lock(&world);
    dead = h;
    tasks_die(h);
    member = member_of(h);
    take_out(member);
    if (member)
        member->options.event(h, &(weir_group_event){WEIR_GROUP_LOST, -1, "", false});
    pthread_mutex_unlock(&world);
    stop_worker(n);
    pthread_mutex_lock(&world);
    dead = NULL;
    new_generation();
    pthread_mutex_unlock(&world);
}

static int64_t now_plus(int64_t ms)
{
    return weir_now_ms() + ms;
}

#define EVENTUALLY(condition)                                                                      \
    do {                                                                                           \
        int64_t until_ms = now_plus(10000);                                                        \
        while (!(condition) && weir_now_ms() < until_ms)                                           \
            usleep(1000);                                                                          \
        ck_assert_msg(condition, "not within 10 s: " #condition);                                  \
    } while (0)

static weir_code ask(int worker, weir_ask what, const char *connector, const char *tasks_max)
{
    weir_props config = WEIR_PROPS;
    weir_request request = {.what = what, .connector = connector, .config = &config};
    weir_code code;

    weir_props_set(&config, "name", connector);
    weir_props_set(&config, "connector.class", "none");
    weir_props_set(&config, "tasks.max", tasks_max);
    for (int hop = 0;; hop++) {
        weir_reply reply;
        char *forward;

        weir_herder_ask(workers[worker].herder, &request, now_plus(10000), &reply);
        code = reply.code;
        forward = weir_strdup(reply.forward_to);
        weir_reply_clear(&reply);
        if (!forward)
            break;
        ck_assert_int_lt(hop, 5);
        worker = forward[8] - '0'; /* http://wN:1/ */
        free(forward);
    }
    weir_props_clear(&config);
    return code;
}

static bool all_run(const char *connector, int tasks)
{
    for (int task = 0; task < tasks; task++) {
        char name[100];

        snprintf(name, sizeof(name), "%s/%d", connector, task);
        if (runs_of(name) != 1)
            return false;
    }
    return true;
}

static bool is_led(void)
{
    bool led;

    pthread_mutex_lock(&world);
    led = lead_holder != NULL;
    pthread_mutex_unlock(&world);
    return led;
}

static void set_up(void)
{
    weir_log_setup(WEIR_ERROR, WEIR_LOG_LOGFMT);
    registry = weir_registry_load("/nonexistent");
    for (size_t i = 0; i < config_topic.count; i++) {
        free(config_topic.records[i].key);
        free(config_topic.records[i].value);
    }
    for (size_t i = 0; i < status_topic.count; i++) {
        free(status_topic.records[i].key);
        free(status_topic.records[i].value);
    }
    config_topic.count = status_topic.count = 0;
    group.count = 0;
    group.generation = 0;
    twice = 0;
    weir_map_clear(&running);
}

static void tear_down(void)
{
    for (int n = 0; n < MOST; n++)
        if (workers[n].herder)
            stop_worker(n);
    weir_registry_free(registry);
    ck_assert_uint_eq(twice, 0);
}

START_TEST(one_worker_leads_and_runs_what_is_created)
{
    start_worker(0);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "3"), WEIR_OK);
    EVENTUALLY(all_run("c", 3));
    ck_assert(is_led());
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "3"), WEIR_EXISTS);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "d", "0"), WEIR_INVALID);
    ck_assert_int_eq(ask(0, WEIR_ASK_CONNECTOR, "d", "1"), WEIR_NOT_FOUND);
    ck_assert_int_eq(ask(0, WEIR_ASK_DELETE, "c", "1"), WEIR_OK);
    EVENTUALLY(runs_of("c/0") + runs_of("c/1") + runs_of("c/2") == 0);
    ck_assert_int_eq(ask(0, WEIR_ASK_DELETE, "c", "1"), WEIR_NOT_FOUND);
}
END_TEST

START_TEST(three_that_start_together_have_one_leader_and_share_the_work)
{
    for (int n = 0; n < 3; n++)
        start_worker(n);
    for (int n = 0; n < 3; n++)
        ck_assert_int_eq(ask(n, WEIR_ASK_CREATE, n == 0 ? "a" : n == 1 ? "b" : "c", "4"), WEIR_OK);
    EVENTUALLY(all_run("a", 4) && all_run("b", 4) && all_run("c", 4));
    EVENTUALLY(is_led());
    for (int n = 0; n < 3; n++)
        EVENTUALLY(tasks_of(workers[n].herder) == 4);
    EVENTUALLY(all_run("a", 4) && all_run("b", 4) && all_run("c", 4));
}
END_TEST

START_TEST(a_worker_that_leaves_gives_its_tasks_away_first)
{
    for (int n = 0; n < 3; n++)
        start_worker(n);
    ck_assert_int_eq(ask(1, WEIR_ASK_CREATE, "c", "9"), WEIR_OK);
    EVENTUALLY(all_run("c", 9));
    stop_worker(_i); /* the leader is among them */
    EVENTUALLY(all_run("c", 9));
    EVENTUALLY(is_led());
    ck_assert_int_eq(ask((_i + 1) % 3, WEIR_ASK_CREATE, "d", "2"), WEIR_OK);
    EVENTUALLY(all_run("d", 2));
}
END_TEST

START_TEST(the_dead_ones_tasks_run_elsewhere)
{
    for (int n = 0; n < 3; n++)
        start_worker(n);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "9"), WEIR_OK);
    EVENTUALLY(all_run("c", 9));
    kill_worker(_i);
    EVENTUALLY(all_run("c", 9));
    start_worker(_i); /* the same id, another process */
    EVENTUALLY(tasks_of(workers[_i].herder) == 3);
    EVENTUALLY(all_run("c", 9));
    EVENTUALLY(is_led());
}
END_TEST

START_TEST(targets_and_restarts_from_every_worker)
{
    for (int n = 0; n < 3; n++)
        start_worker(n);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "2"), WEIR_OK);
    EVENTUALLY(all_run("c", 2));
    for (int n = 0; n < 3; n++) {
        ck_assert_int_eq(ask(n, WEIR_ASK_PAUSE, "c", "2"), WEIR_OK);
        ck_assert_int_eq(ask(n, WEIR_ASK_RESUME, "c", "2"), WEIR_OK);
        ck_assert_int_eq(ask(n, WEIR_ASK_STOP, "c", "2"), WEIR_OK);
        EVENTUALLY(runs_of("c/0") + runs_of("c/1") == 0);
        ck_assert_int_eq(ask(n, WEIR_ASK_RESUME, "c", "2"), WEIR_OK);
        EVENTUALLY(all_run("c", 2));
        ck_assert_int_eq(ask(n, WEIR_ASK_RESTART, "c", "2"), WEIR_OK);
        EVENTUALLY(ask(n, WEIR_ASK_RESTART_TASK, "c", "2") == WEIR_OK);
        EVENTUALLY(all_run("c", 2));
        ck_assert_int_eq(ask(n, WEIR_ASK_PUT_CONFIG, "c", "5"), WEIR_OK);
        EVENTUALLY(all_run("c", 5));
        ck_assert_int_eq(ask(n, WEIR_ASK_PUT_CONFIG, "c", "2"), WEIR_OK);
        EVENTUALLY(all_run("c", 2) && runs_of("c/4") + runs_of("c/3") + runs_of("c/2") == 0);
    }
    ck_assert_int_eq(ask(1, WEIR_ASK_PAUSE, "nobody", "2"), WEIR_NOT_FOUND);
    ck_assert_int_eq(ask(1, WEIR_ASK_RESTART, "nobody", "2"), WEIR_NOT_FOUND);
}
END_TEST

START_TEST(whatever_happens_nothing_runs_twice_and_all_runs_in_the_end)
{
    int tasks[8] = {0};
    unsigned seed = (unsigned)_i + 1;

    start_worker(0);
    for (int round = 0; round < 60; round++) {
        int n = rand_r(&seed) % MOST, c = rand_r(&seed) % 8, alive = 0, any = -1;
        char name[16], count[16];

        for (int k = 0; k < MOST; k++)
            if (workers[k].herder) {
                alive++;
                any = k;
            }
        snprintf(name, sizeof(name), "c%d", c);
        snprintf(count, sizeof(count), "%d", 1 + rand_r(&seed) % 4);
        switch (rand_r(&seed) % 6) {
        case 0:
        case 1:
            if (!workers[n].herder)
                start_worker(n);
            break;
        case 2:
            if (workers[n].herder && alive > 1)
                kill_worker(n);
            break;
        case 3:
            if (workers[n].herder && alive > 1)
                stop_worker(n);
            break;
        case 4: {
            weir_code code = ask(any, WEIR_ASK_PUT_CONFIG, name, count);

            ck_assert_msg(code == WEIR_OK || code == WEIR_CONFLICT || code == WEIR_FAILED,
                          "put: %s", weir_code_text(code));
            if (code == WEIR_OK)
                tasks[c] = atoi(count);
            else
                tasks[c] = -1; /* unknown: looked at no more */
            break;
        }
        default:
            if (tasks[c] > 0 && ask(any, WEIR_ASK_DELETE, name, count) == WEIR_OK)
                tasks[c] = 0;
        }
    }
    EVENTUALLY(is_led());
    for (int c = 0; c < 8; c++) {
        char name[16];

        snprintf(name, sizeof(name), "c%d", c);
        if (tasks[c] > 0)
            EVENTUALLY(all_run(name, tasks[c]));
    }
}
END_TEST

WEIR_UNIT_MAIN("herder", tcase_add_checked_fixture(tests, set_up, tear_down);
               tcase_add_test(tests, one_worker_leads_and_runs_what_is_created);
               tcase_add_test(tests, three_that_start_together_have_one_leader_and_share_the_work);
               tcase_add_loop_test(tests, a_worker_that_leaves_gives_its_tasks_away_first, 0, 3);
               tcase_add_loop_test(tests, the_dead_ones_tasks_run_elsewhere, 0, 3);
               tcase_add_test(tests, targets_and_restarts_from_every_worker); tcase_add_loop_test(
                   tests, whatever_happens_nothing_runs_twice_and_all_runs_in_the_end, 0, 10);)
