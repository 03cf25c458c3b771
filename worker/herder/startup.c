/* startup.c - from nothing to a member of the group.
 *
 * A thread of its own does what blocks (who is the cluster, are the topics right), again and again
 * with back-off while Kafka is away; the herder answers meanwhile. Then the logs are read to their
 * ends, and only then is the group joined: whoever is assigned work has read what it refers to.
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "config/client_config.h"
#include "kafka/topics.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPT_MS       5000 /* also how long a stop may wait for this thread */
#define LONGEST_PAUSE_MS 5000

static void wish(weir_topic_wish *wishes, size_t *count, const weir_topic_wish *one,
                 const weir_props *worker, const char *prefix)
{
    static const char *const ours[] = {"topic", "partitions", "replication.factor",
                                       "cleanup.policy"};

    wishes[*count] = *one;
    weir_props_merge_prefixed(&wishes[*count].config, worker, prefix);
    for (size_t i = 0; i < WEIR_COUNT(ours); i++)
        weir_props_remove(&wishes[*count].config, ours[i]);
    ++*count;
}

static weir_code ready_topics(weir_herder *h, const weir_props *admin, weir_err *err)
{
    const weir_worker_settings *s = h->settings;
    weir_topic_wish wishes[3];
    size_t count = 0;
    weir_code rc;

    wish(wishes, &count,
         &(weir_topic_wish){.topic = s->offset_topic,
                            .property = "offset.storage.topic",
                            .purpose = "source connector offsets",
                            .partitions = (int32_t)s->offset_partitions,
                            .replication = (int16_t)s->offset_replication},
         &s->props, "offset.storage.");
    wish(wishes, &count,
         &(weir_topic_wish){.topic = s->status_topic,
                            .property = "status.storage.topic",
                            .purpose = "connector and task statuses",
                            .partitions = (int32_t)s->status_partitions,
                            .replication = (int16_t)s->status_replication},
         &s->props, "status.storage.");
    wish(wishes, &count,
         &(weir_topic_wish){.topic = s->config_topic,
                            .property = "config.storage.topic",
                            .purpose = "connector configurations",
                            .partitions = 1,
                            .exact_partitions = 1,
                            .replication = (int16_t)s->config_replication},
         &s->props, "config.storage.");
    rc = weir_topics_ensure(admin, wishes, count, ATTEMPT_MS, err);
    for (size_t i = 0; i < count; i++)
        weir_props_clear(&wishes[i].config);
    return rc;
}

static weir_code attempt(weir_herder *h, char **ret_cluster_id, weir_err *err)
{
    weir_props admin = WEIR_PROPS;
    char *cluster_id = NULL;
    weir_code rc;

    rc = weir_client_config_build(WEIR_CLIENT_ADMIN, &h->settings->props, NULL, &admin, err);
    if (rc == WEIR_OK)
        rc = weir_kafka_cluster_id(&admin, ATTEMPT_MS, &cluster_id, err);
    if (rc == WEIR_OK)
        rc = ready_topics(h, &admin, err);
    weir_props_clear(&admin);
    if (rc != WEIR_OK) {
        free(cluster_id);
        return rc;
    }
    *ret_cluster_id = cluster_id;
    return WEIR_OK;
}

static bool is_lasting(weir_code code)
{
    return code == WEIR_INVALID || code == WEIR_INCOMPATIBLE || code == WEIR_DENIED;
}

static void pause_for(const weir_herder *h, int64_t ms)
{
    int64_t until_ms = weir_now_ms() + ms;

    while (!atomic_load(&h->startup_over) && weir_now_ms() < until_ms)
        usleep(20000);
}

static void *run(void *arg)
{
    weir_herder *h = arg;
    int64_t pause_ms = 250;

    while (!atomic_load(&h->startup_over)) {
        char *cluster_id = NULL;
        weir_mail *mail;
        weir_err err;
        weir_code rc = attempt(h, &cluster_id, &err);

        if (atomic_load(&h->startup_over)) {
            free(cluster_id);
            break;
        }
        if (rc == WEIR_OK) {
            mail = weir_mail_new(WEIR_MAIL_CONNECTED);
            mail->text = cluster_id;
            weir_post(h, mail);
            break;
        }
        mail = weir_mail_new(is_lasting(rc) ? WEIR_MAIL_FATAL : WEIR_MAIL_WAITING);
        mail->err = err;
        mail->text = weir_strdup(err.msg);
        weir_post(h, mail);
        if (is_lasting(rc))
            break;
        weir_logf(WEIR_WARN, "waiting for Kafka: %s; next try in %lld ms", err.msg,
                  (long long)pause_ms);
        pause_for(h, pause_ms);
        pause_ms = pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
    }
    return NULL;
}

void weir_startup_begin(weir_herder *h)
{
    h->startup_thread = weir_thread_start("startup", run, h);
}

void weir_startup_end(weir_herder *h)
{
    atomic_store(&h->startup_over, true);
    pthread_join(h->startup_thread, NULL);
}

/* ---- What the logs, L, P and the group tell goes into the mailbox ---------------------------- */

static void post_record(weir_herder *h, weir_log_id log, const weir_log_record *record)
{
    weir_mail *mail = weir_mail_new(WEIR_MAIL_RECORD);

    /* key, NUL, value, NUL */
    mail->text = weir_calloc(1, record->key_size + record->value_size + 2);
    memcpy(mail->text, record->key, record->key_size);
    mail->record = *record;
    mail->record.key = mail->text;
    if (record->value) {
        memcpy(mail->text + record->key_size + 1, record->value, record->value_size);
        mail->record.value = mail->text + record->key_size + 1;
    }
    mail->log = log;
    weir_post(h, mail);
}

static void post_reached(weir_herder *h, weir_log_id log, uint64_t barrier)
{
    weir_mail *mail = weir_mail_new(WEIR_MAIL_REACHED);

    mail->log = log;
    mail->token = barrier;
    weir_post(h, mail);
}

static void config_record(void *ctx, const weir_log_record *record)
{
    post_record(ctx, WEIR_CONFIG_LOG, record);
}

static void config_reached(void *ctx, uint64_t barrier)
{
    post_reached(ctx, WEIR_CONFIG_LOG, barrier);
}

static void status_record(void *ctx, const weir_log_record *record)
{
    post_record(ctx, WEIR_STATUS_LOG, record);
}

static void status_reached(void *ctx, uint64_t barrier)
{
    post_reached(ctx, WEIR_STATUS_LOG, barrier);
}

static void produced(void *ctx, uint64_t token, weir_code code, int32_t partition, int64_t offset)
{
    weir_herder *h = ctx;
    weir_mail *mail;

    (void)partition;
    if (token & WEIR_OFFSETS_TOKEN) {
        weir_offsets_written(h->offsets, token, code);
        return;
    }
    mail = weir_mail_new(WEIR_MAIL_PRODUCED);
    mail->token = token;
    mail->code = code;
    mail->offset = offset;
    weir_post(h, mail);
}

static void written(void *ctx, uint64_t token, weir_code code, int64_t offset, const weir_err *err)
{
    weir_mail *mail = weir_mail_new(WEIR_MAIL_WRITTEN);

    mail->token = token;
    mail->code = code;
    mail->offset = offset;
    if (err)
        mail->err = *err;
    weir_post(ctx, mail);
}

static void group_event(void *ctx, const weir_group_event *event)
{
    weir_mail *mail = weir_mail_new(WEIR_MAIL_GROUP);

    mail->group = *event;
    mail->text = weir_strdup(event->member);
    mail->group.member = mail->text;
    mail->connector = weir_strdup(event->text);
    mail->group.text = mail->connector;
    weir_post(ctx, mail);
}

static bool herder_lives(void *ctx)
{
    weir_herder *h = ctx;

    return weir_now_ms() - atomic_load(&h->last_round_ms) < h->settings->session_timeout_ms;
}

/* ---- The herder's steps ---------------------------------------------------------------------- */

static weir_code open_all(weir_herder *h, const weir_props *props, weir_err *err)
{
    const weir_worker_settings *s = h->settings;
    const weir_log_listener config = {h, config_record, config_reached};
    const weir_log_listener status = {h, status_record, status_reached};
    weir_code rc;

    rc = weir_producer_open(props, produced, h, &h->producer, err);
    if (rc == WEIR_OK)
        rc = weir_leader_log_open(props, s->config_topic, s->group_id, written, h, &h->leader_log,
                                  err);
    if (rc == WEIR_OK) /* whoever needs it waits for it: joining the group does not */
        rc = weir_offsets_open(props, s->offset_topic, h->producer, &h->offsets, err);
    if (rc == WEIR_OK)
        rc = weir_compacted_log_open(props, s->status_topic, &status, &h->status_log, err);
    if (rc == WEIR_OK)
        rc = weir_compacted_log_open(props, s->config_topic, &config, &h->config_log, err);
    return rc;
}

void weir_startup_connected(weir_herder *h, const char *cluster_id)
{
    weir_props props = WEIR_PROPS;
    weir_err err;
    weir_code rc;

    weir_replace(&h->waiting_for, NULL);
    weir_replace(&h->cluster_id, cluster_id);
    weir_stage(h, "initializing and reading to the end of internal topics");
    weir_log(WEIR_INFO, "connected to Kafka", "cluster", cluster_id, "bootstrap",
             h->settings->bootstrap_servers, NULL);
    rc = weir_client_config_build(WEIR_CLIENT_WORKER, &h->settings->props, NULL, &props, &err);
    if (rc == WEIR_OK)
        rc = open_all(h, &props, &err);
    weir_props_clear(&props);
    if (rc != WEIR_OK)
        h->options.fatal(h->options.ctx, &err);
}

void weir_startup_stores_read(weir_herder *h)
{
    weir_props props = WEIR_PROPS;
    weir_err err;
    weir_code rc;

    if (h->stop_asked)
        return;
    weir_logf(WEIR_INFO, "internal topics read: %zu connectors known, config offset %lld",
              h->config.connectors.count, (long long)h->config.offset);
    weir_stage(h, "ensuring membership in the cluster");
    rc = weir_client_config_build(WEIR_CLIENT_WORKER, &h->settings->props, NULL, &props, &err);
    if (rc == WEIR_OK)
        rc = weir_group_join(
            &(weir_group_options){.props = &props,
                                  .group_id = h->settings->group_id,
                                  .topic = h->settings->config_topic,
                                  .worker_id = h->settings->worker_id,
                                  .session_timeout_ms = h->settings->session_timeout_ms,
                                  .heartbeat_interval_ms = h->settings->heartbeat_interval_ms,
                                  .rebalance_timeout_ms = h->settings->rebalance_timeout_ms,
                                  .event = group_event,
                                  .herder_lives = herder_lives,
                                  .ctx = h,
                                  .lease = h->lease},
            &h->group, &err);
    weir_props_clear(&props);
    if (rc != WEIR_OK)
        h->options.fatal(h->options.ctx, &err);
}
