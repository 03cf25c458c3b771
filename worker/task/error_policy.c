/* error_policy.c - see error_policy.h. */
#include "task/error_policy.h"

#include "base/mem.h"
#include "config/client_config.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#define FIRST_DELAY_MS 300
#define DOUBLINGS      40 /* beyond that every limit is passed */

static bool is_true(const weir_props *props, const char *key)
{
    const char *value = weir_props_get(props, key);

    return value && strcasecmp(value, "true") == 0;
}

static weir_code read_number(const weir_props *props, const char *key, int64_t fallback,
                             int64_t *ret_number, weir_err *err)
{
    const char *text = weir_props_get(props, key);
    long long number = fallback;
    char *end;

    if (text) {
        errno = 0;
        number = strtoll(text, &end, 10);
        if (end == text || *end || errno)
            return weir_fail(err, WEIR_INVALID, "%s: '%s' is not a number", key, text);
    }
    *ret_number = number;
    return WEIR_OK;
}

static weir_code read_dead_letters(const weir_error_policy_source *source,
                                   weir_error_policy *policy, weir_err *err)
{
    const char *topic = weir_props_get(source->config, "errors.deadletterqueue.topic.name");
    int64_t replication = 3;
    char *client_id;
    weir_code rc;

    if (!topic || !*topic)
        return WEIR_OK;
    rc = read_number(source->config, "errors.deadletterqueue.topic.replication.factor", replication,
                     &replication, err);
    if (rc != WEIR_OK)
        return rc;
    if (replication != -1 && (replication < 1 || replication > INT16_MAX))
        return weir_fail(err, WEIR_INVALID,
                         "errors.deadletterqueue.topic.replication.factor: %lld is no number of "
                         "replicas",
                         (long long)replication);
    policy->dead_letters = weir_strdup(topic);
    policy->dead_letter_replication = (int)replication;
    policy->dead_letter_headers =
        is_true(source->config, "errors.deadletterqueue.context.headers.enable");
    client_id = weir_format("connector-dlq-adminclient-%s-%d", source->connector, source->task);
    weir_props_set(&policy->admin, "client.id", client_id);
    free(client_id);
    return weir_client_config_build(WEIR_CLIENT_ADMIN, source->worker, source->config,
                                    &policy->admin, err);
}

weir_code weir_error_policy_read(const weir_error_policy_source *source, weir_error_policy *policy,
                                 weir_err *err)
{
    const weir_props *config = source->config;
    const char *tolerance = weir_props_get(config, "errors.tolerance");
    weir_code rc;

    policy->tolerate = tolerance && strcasecmp(tolerance, "all") == 0;
    policy->log_each = is_true(config, "errors.log.enable");
    policy->log_records = is_true(config, "errors.log.include.messages");
    rc = read_number(config, "errors.retry.timeout", 0, &policy->retry_timeout_ms, err);
    if (rc == WEIR_OK)
        rc = read_number(config, "errors.retry.delay.max.ms", 60000, &policy->retry_delay_max_ms,
                         err);
    if (rc == WEIR_OK)
        rc = read_dead_letters(source, policy, err);
    return rc;
}

void weir_error_policy_clear(weir_error_policy *policy)
{
    free(policy->dead_letters);
    weir_props_clear(&policy->admin);
    *policy = (weir_error_policy){0};
}

int64_t weir_error_policy_delay_ms(const weir_error_policy *policy, unsigned tries,
                                   int64_t since_ms, unsigned *seed)
{
    int64_t delay_ms = (int64_t)FIRST_DELAY_MS << (tries < DOUBLINGS ? tries : DOUBLINGS);
    int64_t left_ms = policy->retry_timeout_ms - since_ms;

    if (policy->retry_timeout_ms >= 0 && left_ms <= 0)
        return -1;
    if (delay_ms > policy->retry_delay_max_ms)
        delay_ms =
            policy->retry_delay_max_ms > 0 ? (int64_t)rand_r(seed) % policy->retry_delay_max_ms : 0;
    if (policy->retry_timeout_ms >= 0 && delay_ms > left_ms)
        delay_ms = left_ms;
    return delay_ms;
}
