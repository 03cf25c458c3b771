/* test_metrics.c - what the herder knows in figures: of this worker's tasks, also of one that has
 * failed, and of none that it has no more. */
#include "herd.h"

/* The caller's to weir_metrics_free(). */
static weir_metrics *look(int n)
{
    weir_request request = {.what = WEIR_ASK_METRICS};
    weir_reply reply;
    weir_metrics *metrics;

    weir_herder_ask(workers[n].herder, &request, now_plus(10000), &reply);
    ck_assert_int_eq(reply.code, WEIR_OK);
    metrics = reply.metrics;
    reply.metrics = NULL;
    weir_reply_clear(&reply);
    ck_assert_ptr_nonnull(metrics);
    return metrics;
}

/* What came of it, told of the task's last run: its figures; -1: none, -2: no such task. */
static int64_t delivered(int n, int32_t task, weir_state *ret_state)
{
    weir_metrics *metrics = look(n);
    int64_t found = -2;

    for (size_t i = 0; i < metrics->shown_tasks; i++)
        if (metrics->tasks[i].task == task) {
            const weir_task_metrics *m = metrics->tasks[i].metrics;

            found = m ? (int64_t)m->figures.delivered : -1;
            *ret_state = metrics->tasks[i].state;
        }
    weir_metrics_free(metrics);
    return found;
}

/* The one run of this task tells its figures, and then perhaps that it has failed. */
static void tells(const char *name, uint64_t records, bool fails)
{
    weir_source_task *task;
    weir_task_fact *facts[2] = {NULL};

    pthread_mutex_lock(&world);
    for (task = all_tasks; task && strcmp(task->name, name) != 0; task = task->next)
        ;
    ck_assert_ptr_nonnull(task);
    facts[0] = fact_of(task, WEIR_TASK_RUNNING);
    facts[0]->is_details = true;
    facts[0]->metrics = weir_task_metrics_new();
    facts[0]->metrics->figures.delivered = records;
    if (fails) {
        facts[1] = fact_of(task, WEIR_TASK_FAILED);
        facts[1]->trace = weir_strdup("as the test wants");
        count_locked(task, -1);
    }
    pthread_mutex_unlock(&world);
    say(task->spec.report, task->spec.ctx, facts[0]);
    if (fails) /* it is freed then */
        say(task->spec.report, task->spec.ctx, facts[1]);
}

START_TEST(a_worker_counts_what_it_has_and_knows_its_group)
{
    weir_metrics *m;

    start_worker(0);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "3"), WEIR_OK);
    EVENTUALLY(all_run("c", 3) && all_said_to_run("c", 3));
    m = look(0);
    ck_assert_uint_eq(m->assigned_connectors, 1);
    ck_assert_uint_eq(m->assigned_tasks, 3);
    ck_assert_uint_eq(m->connector_count, 1);
    ck_assert_uint_eq(m->task_count, 3);
    ck_assert_uint_eq(m->shown_tasks, 3);
    ck_assert_uint_eq(m->counts.task_starts, 3);
    ck_assert_uint_eq(m->counts.task_successes, 3);
    ck_assert_uint_eq(m->counts.task_failures, 0);
    ck_assert_uint_eq(m->counts.connector_starts, 1);
    ck_assert_uint_eq(m->counts.connector_failures, 1); /* no plugin here has the class */
    ck_assert_uint_eq(m->shown_connectors, 1);
    ck_assert_str_eq(m->connectors[0].name, "c");
    ck_assert(m->connectors[0].owned);
    ck_assert_int_eq(m->connectors[0].state, WEIR_STATE_FAILED);
    ck_assert_str_eq(m->connectors[0].class_name, "none");
    ck_assert_ptr_null(m->connectors[0].version);
    ck_assert_uint_eq(m->connectors[0].tasks[WEIR_STATE_RUNNING], 3);
    ck_assert(m->in_group && m->kafka_up && m->leads && !m->suspended && !m->rebalancing);
    ck_assert(m->config_read && m->status_read);
    ck_assert_int_gt(m->generation, 0);
    ck_assert_int_ge(m->term, 0);
    ck_assert_str_eq(m->leader_url, "http://w0:1/");
    ck_assert_uint_eq(m->workers, 1);
    ck_assert_uint_ge(m->counts.rebalances, 1);
    ck_assert_int_ge(m->since_rebalance_ms, 0);
    weir_metrics_free(m);
}
END_TEST

START_TEST(a_failed_task_keeps_its_figures_until_it_is_started_again)
{
    weir_state state;

    start_worker(0);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "2"), WEIR_OK);
    EVENTUALLY(all_run("c", 2));
    ck_assert_int_eq(delivered(0, 0, &state), -1);
    tells("c/0", 7, false);
    EVENTUALLY(delivered(0, 0, &state) == 7);
    tells("c/0", 12, true);
    EVENTUALLY(delivered(0, 0, &state) == 12 && state == WEIR_STATE_FAILED);
    ck_assert_int_eq(delivered(0, 1, &state), -1);
    ck_assert_int_eq(ask(0, WEIR_ASK_RESTART_TASK, "c", "2"), WEIR_OK); /* task 0 */
    EVENTUALLY(all_run("c", 2));
    EVENTUALLY(delivered(0, 0, &state) == -1 && state == WEIR_STATE_RUNNING);
    tells("c/0", 1, false);
    EVENTUALLY(delivered(0, 0, &state) == 1);
    ck_assert_int_eq(ask(0, WEIR_ASK_DELETE, "c", "2"), WEIR_OK);
    EVENTUALLY(delivered(0, 0, &state) == -2);
}
END_TEST

START_TEST(what_is_given_away_is_on_one_page_only)
{
    weir_metrics *m[2];

    start_worker(0);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "4"), WEIR_OK);
    EVENTUALLY(all_run("c", 4));
    start_worker(1);
    EVENTUALLY(tasks_of(workers[1].herder) == 2 && all_run("c", 4));
    for (int n = 0; n < 2; n++)
        m[n] = look(n);
    ck_assert_uint_eq(m[0]->shown_tasks + m[1]->shown_tasks, 4);
    for (size_t i = 0; i < m[0]->shown_tasks; i++)
        for (size_t k = 0; k < m[1]->shown_tasks; k++)
            ck_assert_int_ne(m[0]->tasks[i].task, m[1]->tasks[k].task);
    ck_assert_uint_eq(m[0]->connector_count + m[1]->connector_count, 1);
    ck_assert(m[0]->connectors[0].owned != m[1]->connectors[0].owned);
    ck_assert(m[0]->leads && !m[1]->leads);
    ck_assert_int_eq(m[0]->term, m[1]->term);
    for (int n = 0; n < 2; n++)
        weir_metrics_free(m[n]);
}
END_TEST

START_TEST(out_of_the_group_the_page_says_so_and_has_what_is_known)
{
    weir_metrics *m;

    start_worker(0);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "2"), WEIR_OK);
    EVENTUALLY(all_run("c", 2));
    tells("c/1", 5, false);
    pthread_mutex_lock(&world);
    {
        weir_group *member = member_of(workers[0].herder);

        take_out(member);
        member->options.event(workers[0].herder,
                              &(weir_group_event){WEIR_GROUP_LOST, -1, "", false, NULL});
    }
    pthread_mutex_unlock(&world);
    for (m = look(0); m->in_group; m = look(0))
        weir_metrics_free(m);
    ck_assert(m->suspended && m->rebalancing && !m->leads && !m->kafka_up);
    ck_assert_int_eq(m->lease_ms, 0);
    ck_assert_uint_eq(m->workers, 0);
    ck_assert_uint_eq(m->shown_tasks, 2);
    ck_assert_uint_eq(m->tasks[1].metrics->figures.delivered, 5);
    weir_metrics_free(m);
}
END_TEST

WEIR_UNIT_MAIN("herder metrics", tcase_add_checked_fixture(tests, set_up, tear_down);
               tcase_add_test(tests, a_worker_counts_what_it_has_and_knows_its_group);
               tcase_add_test(tests, a_failed_task_keeps_its_figures_until_it_is_started_again);
               tcase_add_test(tests, what_is_given_away_is_on_one_page_only);
               tcase_add_test(tests, out_of_the_group_the_page_says_so_and_has_what_is_known);)
