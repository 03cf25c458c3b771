/* test_forgetting.c - what a task has left outside is given up once, by the worker that has the
 * task, when it will never come back; and never otherwise. And a connector's offsets, shown and
 * changed, which stay when it goes.
 */
#include "herd.h"
#include "tests/unit/plugin/fixture.h"

/* With a connector.class that can forget, as the herder sees it; tasks are the fakes' all the
 * same. `offsets`: for WEIR_ASK_ALTER_OFFSETS. The body is the caller's reference. */
static weir_code ask_about(int worker, weir_ask what, const char *connector, const char *tasks_max,
                           const char *offsets, json_t **ret_body)
{
    weir_props config = WEIR_PROPS;
    weir_request request = {
        .what = what, .connector = connector, .config = &config, .offsets = offsets};
    weir_code code;

    weir_props_set(&config, "name", connector);
    weir_props_set(&config, "connector.class", "forgets");
    weir_props_set(&config, "tasks.max", tasks_max);
    for (int hop = 0;; hop++) {
        weir_reply reply;
        char *forward;

        weir_herder_ask(workers[worker].herder, &request, now_plus(10000), &reply);
        code = reply.code;
        forward = weir_strdup(reply.forward_to);
        if (ret_body && !forward)
            *ret_body = json_incref(reply.body);
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

static weir_code asks(int worker, weir_ask what, const char *connector, const char *tasks_max)
{
    return ask_about(worker, what, connector, tasks_max, NULL, NULL);
}

static void three_with(const char *tasks)
{
    for (int n = 0; n < 3; n++)
        start_worker(n);
    ck_assert_int_eq(asks(0, WEIR_ASK_CREATE, "c", tasks), WEIR_OK);
    for (int n = 0; n < 3; n++) /* nothing moves any more */
        EVENTUALLY(tasks_of(workers[n].herder) >= atoi(tasks) / 3);
    EVENTUALLY(all_run("c", atoi(tasks)));
}

/* Each of the first `end` tasks but those before `first` has been forgotten once. */
static bool all_forgotten(int first, int end)
{
    for (int task = 0; task < end; task++) {
        char name[20];

        snprintf(name, sizeof(name), "c/%d", task);
        ck_assert_int_le(forgets_of(name), 1);
        if (forgets_of(name) != (task >= first))
            return false;
    }
    return true;
}

static bool none_runs(int tasks)
{
    for (int task = 0; task < tasks; task++) {
        char name[20];

        snprintf(name, sizeof(name), "c/%d", task);
        if (runs_of(name) != 0)
            return false;
    }
    return true;
}

START_TEST(a_deleted_connectors_tasks_are_forgotten_once)
{
    three_with("6");
    pthread_mutex_lock(&world);
    deaf_to_forget = _i == 1; /* they hear of it too late: done all the same */
    pthread_mutex_unlock(&world);
    ck_assert_int_eq(asks(1, WEIR_ASK_DELETE, "c", "6"), WEIR_OK);
    EVENTUALLY(all_forgotten(0, 6) && none_runs(6));
    ck_assert_int_eq(forgotten_left, 0);
    for (int n = 0; n < 3; n++)
        stop_worker(n);
    ck_assert(all_forgotten(0, 6));
}
END_TEST

START_TEST(who_has_fewer_tasks_forgets_the_others)
{
    three_with("6");
    ck_assert_int_eq(asks(2, WEIR_ASK_PUT_CONFIG, "c", "2"), WEIR_OK);
    EVENTUALLY(all_forgotten(2, 6) && all_run("c", 2));
    ck_assert_int_eq(forgotten_left, 2);
    ck_assert_int_eq(asks(2, WEIR_ASK_PUT_CONFIG, "c", "6"), WEIR_OK);
    EVENTUALLY(all_run("c", 6));
    ck_assert(all_forgotten(2, 6));
}
END_TEST

static void fail_all_tasks(void)
{
    weir_source_task *found[8];
    size_t count = 0;

    pthread_mutex_lock(&world);
    for (weir_source_task *task = all_tasks; task; task = task->next)
        if (task->counted)
            found[count++] = task;
    pthread_mutex_unlock(&world);
    for (size_t i = 0; i < count; i++) {
        count_run(found[i], -1);
        say(found[i]->spec.report, found[i]->spec.ctx, fact_of(found[i], WEIR_TASK_FAILED));
    }
}

START_TEST(paused_and_failed_ones_are_forgotten_too)
{
    three_with("3");
    if (_i == 0)
        ck_assert_int_eq(asks(0, WEIR_ASK_PAUSE, "c", "3"), WEIR_OK);
    else
        fail_all_tasks();
    for (int task = 0; task < 3; task++) {
        char key[40];

        snprintf(key, sizeof(key), "status-task-c-%d", task);
        EVENTUALLY(says(&status_topic, key, _i == 0 ? "PAUSED" : "FAILED"));
    }
    ck_assert_int_eq(asks(0, WEIR_ASK_DELETE, "c", "3"), WEIR_OK);
    EVENTUALLY(all_forgotten(0, 3) && none_runs(3));
}
END_TEST

START_TEST(what_comes_back_is_not_forgotten)
{
    three_with("6");
    ck_assert_int_eq(asks(0, WEIR_ASK_PAUSE, "c", "6"), WEIR_OK);
    ck_assert_int_eq(asks(0, WEIR_ASK_RESUME, "c", "6"), WEIR_OK);
    ck_assert_int_eq(asks(0, WEIR_ASK_RESTART, "c", "6"), WEIR_OK);
    ck_assert_int_eq(asks(0, WEIR_ASK_STOP, "c", "6"), WEIR_OK);
    EVENTUALLY(none_runs(6));
    ck_assert_int_eq(asks(0, WEIR_ASK_RESUME, "c", "6"), WEIR_OK);
    EVENTUALLY(all_run("c", 6));
    stop_worker(0);
    EVENTUALLY(all_run("c", 6));
    kill_worker(1);
    EVENTUALLY(all_run("c", 6));
    start_worker(0);
    EVENTUALLY(tasks_of(workers[0].herder) == 3);
    EVENTUALLY(all_run("c", 6));
    stop_worker(0);
    stop_worker(2);
    ck_assert(all_forgotten(6, 6));
}
END_TEST

START_TEST(a_new_one_of_the_name_starts_when_the_old_one_is_forgotten)
{
    stop_takes_ms = 50;
    three_with("6");
    for (int round = 1; round <= 5; round++) { /* `twice` counts a forget as a run */
        ck_assert_int_eq(asks(round % 3, WEIR_ASK_DELETE, "c", "6"), WEIR_OK);
        ck_assert_int_eq(asks((round + 1) % 3, WEIR_ASK_CREATE, "c", "6"), WEIR_OK);
        EVENTUALLY(all_run("c", 6) && forgets_of("c/0") == round && forgets_of("c/5") == round);
    }
}
END_TEST

START_TEST(one_that_is_deleted_while_it_is_stopped_is_forgotten_by_the_leader)
{
    stop_takes_ms = 50;
    three_with("4");
    ck_assert_int_eq(asks(0, WEIR_ASK_STOP, "c", "4"), WEIR_OK);
    if (_i == 0)
        EVENTUALLY(none_runs(4));
    ck_assert_int_eq(asks(1, WEIR_ASK_DELETE, "c", "4"), WEIR_OK);
    if (_i == 1) {
        ck_assert_int_eq(asks(2, WEIR_ASK_CREATE, "c", "4"), WEIR_OK); /* waits its turn */
        ck_assert(all_forgotten(0, 4));
        EVENTUALLY(all_run("c", 4));
    }
    EVENTUALLY(all_forgotten(0, 4));
    EVENTUALLY(_i == 1 || none_runs(4));
}
END_TEST

START_TEST(who_is_not_sure_of_its_place_forgets_nothing)
{
    weir_group *member;
    int leader;

    start_worker(0);
    start_worker(1);
    ck_assert_int_eq(asks(0, WEIR_ASK_CREATE, "c", "4"), WEIR_OK);
    EVENTUALLY(tasks_of(workers[0].herder) == 2 && tasks_of(workers[1].herder) == 2);
    leader = leads(0) ? 0 : 1;
    pthread_mutex_lock(&world);
    member = member_of(workers[1 - leader].herder);
    pthread_mutex_unlock(&world);
    ck_assert_ptr_nonnull(member);
    lose(member);
    EVENTUALLY(tasks_of(member->options.ctx) == 0);
    ck_assert_int_eq(asks(leader, WEIR_ASK_DELETE, "c", "4"), WEIR_OK);
    EVENTUALLY(none_runs(4) &&
               forgets_of("c/0") + forgets_of("c/1") + forgets_of("c/2") + forgets_of("c/3") == 2);
    come_back(member);
    EVENTUALLY(is_decided());
    ck_assert_int_eq(forgets_of("c/0") + forgets_of("c/1") + forgets_of("c/2") + forgets_of("c/3"),
                     2);
}
END_TEST

START_TEST(what_is_deleted_while_it_moves_is_forgotten_once)
{
    stop_takes_ms = 20;
    start_worker(0);
    ck_assert_int_eq(asks(0, WEIR_ASK_CREATE, "c", "6"), WEIR_OK);
    EVENTUALLY(all_run("c", 6));
    start_worker(1); /* half of them move to it now */
    usleep((useconds_t)_i * 7000);
    ck_assert_int_eq(asks(0, WEIR_ASK_DELETE, "c", "6"), WEIR_OK);
    EVENTUALLY(all_forgotten(0, 6) && none_runs(6));
    ck_assert_int_eq(asks(0, WEIR_ASK_CREATE, "c", "6"), WEIR_OK);
    EVENTUALLY(all_run("c", 6));
    ck_assert(all_forgotten(0, 6));
}
END_TEST

START_TEST(the_leader_forgets_for_the_dead)
{
    char instance[40];

    start_worker(0);
    EVENTUALLY(leads(0));
    start_worker(1);
    ck_assert_int_eq(asks(0, WEIR_ASK_CREATE, "c", "4"), WEIR_OK);
    EVENTUALLY(tasks_of(workers[0].herder) == 2 && tasks_of(workers[1].herder) == 2);
    snprintf(instance, sizeof(instance), "%s", weir_herder_instance(workers[1].herder));
    pthread_mutex_lock(&world);
    refused_key = "assignment"; /* so its tasks stay where they are */
    refusals = 1000;
    pthread_mutex_unlock(&world);
    crash_worker(1);
    see(workers[0].herder, &(weir_watch_news){.change = WEIR_WATCH_DEAD,
                                              .worker = "w1:1",
                                              .instance = instance,
                                              .text = "connection refused"});
    ck_assert_int_eq(asks(0, WEIR_ASK_DELETE, "c", "4"), WEIR_OK);
    EVENTUALLY(all_forgotten(0, 4) && none_runs(4));
    pthread_mutex_lock(&world);
    refusals = 0;
    pthread_mutex_unlock(&world);
}
END_TEST

/* ---- Offsets ----------------------------------------------------------------------------------
 */

static const char *shown(int worker)
{
    static char text[1000];
    json_t *body = NULL;
    char *dump;

    ck_assert_int_eq(ask_about(worker, WEIR_ASK_OFFSETS, "c", "1", NULL, &body), WEIR_OK);
    dump = weir_json_dump(body);
    snprintf(text, sizeof(text), "%s", dump);
    free(dump);
    json_decref(body);
    return text;
}

static void put_offset(const char *key, const char *value)
{
    pthread_mutex_lock(&world);
    append(&offset_topic, key, value);
    pthread_mutex_unlock(&world);
}

START_TEST(offsets_are_shown_as_they_are_now_on_every_worker)
{
    three_with("1");
    for (int n = 0; n < 3; n++) {
        char value[20], expected[100];

        snprintf(value, sizeof(value), "{\"n\":%d}", n);
        put_offset("[\"c\",{\"p\":1}]", value);
        put_offset("[\"d\",{\"p\":1}]", value);
        snprintf(expected, sizeof(expected),
                 "{\"offsets\":[{\"partition\":{\"p\":1},\"offset\":{\"n\":%d}}]}", n);
        ck_assert_str_eq(shown(n), expected);
    }
    ck_assert_int_eq(asks(1, WEIR_ASK_OFFSETS, "nobody", "1"), WEIR_NOT_FOUND);
}
END_TEST

#define ALTERED                                                                                    \
    "[{\"partition\":{\"q\":2},\"offset\":{\"n\":7}},{\"partition\":{\"p\":1},\"offset\":null},"   \
    "{\"partition\":{\"q\":2},\"offset\":{\"n\":8}}]"

START_TEST(offsets_of_a_stopped_connector_are_changed_and_seen_afterwards)
{
    stop_takes_ms = 100;
    three_with("2");
    put_offset("[\"c\", {\"p\" : 1}]", "{\"n\":1}");
    put_offset("[\"c\",null]", "{\"n\":2}");
    put_offset("[\"d\",{\"p\":1}]", "{\"n\":3}");
    ck_assert_int_eq(ask_about(_i, WEIR_ASK_ALTER_OFFSETS, "c", "2", ALTERED, NULL), WEIR_INVALID);
    ck_assert_int_eq(asks(_i, WEIR_ASK_RESET_OFFSETS, "c", "2"), WEIR_INVALID);
    ck_assert_int_eq(asks(_i, WEIR_ASK_STOP, "c", "2"), WEIR_OK);
    ck_assert_int_eq(ask_about(_i, WEIR_ASK_ALTER_OFFSETS, "c", "2", ALTERED, NULL), WEIR_OK);
    ck_assert(none_runs(2)); /* it has waited for them */
    ck_assert_str_eq(shown(_i), "{\"offsets\":[{\"partition\":{\"q\":2},\"offset\":{\"n\":8}}]}");
    pthread_mutex_lock(&world);
    ck_assert_ptr_null(last_value(&offset_topic, "[\"c\", {\"p\" : 1}]"));
    pthread_mutex_unlock(&world);
    ck_assert_int_eq(asks(_i, WEIR_ASK_RESET_OFFSETS, "c", "2"), WEIR_OK);
    ck_assert_str_eq(shown(_i), "{\"offsets\":[]}");
    ck_assert_int_eq(asks(_i, WEIR_ASK_RESET_OFFSETS, "c", "2"), WEIR_OK);
    pthread_mutex_lock(&world);
    ck_assert_ptr_null(last_value(&offset_topic, "[\"c\",null]"));
    ck_assert_str_eq(last_value(&offset_topic, "[\"d\",{\"p\":1}]"), "{\"n\":3}");
    pthread_mutex_unlock(&world);
    ck_assert_int_eq(asks(_i, WEIR_ASK_RESUME, "c", "2"), WEIR_OK);
    EVENTUALLY(all_run("c", 2));
    ck_assert_int_eq(asks(_i, WEIR_ASK_RESET_OFFSETS, "nobody", "2"), WEIR_NOT_FOUND);
}
END_TEST

static void *resume_it(void *arg)
{
    ck_assert_int_eq(asks((int)(intptr_t)arg, WEIR_ASK_RESUME, "c", "2"), WEIR_OK);
    return NULL;
}

START_TEST(what_is_being_changed_is_not_resumed_meanwhile)
{
    weir_props config = WEIR_PROPS;
    weir_request request = {
        .what = WEIR_ASK_ALTER_OFFSETS, .connector = "c", .config = &config, .offsets = ALTERED};
    weir_reply reply;
    pthread_t resuming;

    start_worker(0);
    ck_assert_int_eq(asks(0, WEIR_ASK_CREATE, "c", "2"), WEIR_OK);
    EVENTUALLY(all_run("c", 2));
    ck_assert_int_eq(asks(0, WEIR_ASK_STOP, "c", "2"), WEIR_OK);
    EVENTUALLY(none_runs(2));
    hold(&p_of(workers[0].herder)->line); /* Kafka does not answer */
    weir_herder_ask(workers[0].herder, &request, now_plus(500), &reply);
    ck_assert_int_eq(reply.code, WEIR_TIMED_OUT); /* and this one was given up */
    weir_reply_clear(&reply);
    release_p(p_of(workers[0].herder));
    resuming = weir_thread_start("resume", resume_it, (void *)0);
    pthread_join(resuming, NULL);
    EVENTUALLY(all_run("c", 2));
}
END_TEST

static void set_up_with_a_plugin(void)
{
    set_up();
    weir_registry_free(registry);
    registry = weir_registry_load(fixture("forgets.so"));
    ck_assert_uint_eq(weir_registry_count(registry), 1);
}

WEIR_UNIT_MAIN(
    "forgetting", tcase_add_checked_fixture(tests, set_up_with_a_plugin, tear_down);
    tcase_add_loop_test(tests, a_deleted_connectors_tasks_are_forgotten_once, 0, 2);
    tcase_add_test(tests, who_has_fewer_tasks_forgets_the_others);
    tcase_add_loop_test(tests, paused_and_failed_ones_are_forgotten_too, 0, 2);
    tcase_add_test(tests, what_comes_back_is_not_forgotten);
    tcase_add_test(tests, a_new_one_of_the_name_starts_when_the_old_one_is_forgotten);
    tcase_add_loop_test(tests, one_that_is_deleted_while_it_is_stopped_is_forgotten_by_the_leader,
                        0, 2);
    tcase_add_test(tests, who_is_not_sure_of_its_place_forgets_nothing);
    tcase_add_loop_test(tests, what_is_deleted_while_it_moves_is_forgotten_once, 0, 8);
    tcase_add_test(tests, the_leader_forgets_for_the_dead);
    tcase_add_test(tests, offsets_are_shown_as_they_are_now_on_every_worker);
    tcase_add_loop_test(tests, offsets_of_a_stopped_connector_are_changed_and_seen_afterwards, 0,
                        3);
    tcase_add_test(tests, what_is_being_changed_is_not_resumed_meanwhile);)
