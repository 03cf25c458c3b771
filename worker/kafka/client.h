/* client.h - librdkafka handles made from properties.
 *
 * Sets what every handle of ours needs (kafka-client.md 2.1: no Nagle, client.id at most 64
 * bytes, logs through base/log), checks the loaded library's version once (1.2), and turns
 * librdkafka's errors into ours.
 */
#ifndef WEIR_KAFKA_CLIENT_H
#define WEIR_KAFKA_CLIENT_H

#include "base/err.h"
#include "base/props.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

/* WEIR_INCOMPATIBLE: a library version that loses data or crashes. Warns about old ones, once. */
WEIR_MUST_CHECK weir_code weir_kafka_check_version(weir_err *err);
/* The judgement itself, about a version as rd_kafka_version() gives it. *ret_warning: what to warn
 * about, NULL when nothing. */
WEIR_MUST_CHECK weir_code weir_kafka_judge_version(int version, const char **ret_warning,
                                                   weir_err *err);

/* A handle from librdkafka properties (client_config.h), later pairs win. `prepare` may set
 * callbacks on the conf before the handle is made; NULL: none. Unknown properties are logged once
 * and ignored, invalid ones are WEIR_INVALID naming property and (unless secret) value. */
typedef void weir_kafka_prepare(rd_kafka_conf_t *conf, void *ctx);
WEIR_MUST_CHECK weir_code weir_kafka_client_new(rd_kafka_type_t type, const weir_props *props,
                                                weir_kafka_prepare *prepare, void *ctx,
                                                rd_kafka_t **ret_rk, weir_err *err);

/* For the worker's own clients, unless the user says otherwise: after an outage they look for a
 * broker every second, as Kafka's own clients do. librdkafka waits up to ten, and whoever came back
 * to the group before the others would have given their tasks away by then. Not for the producers
 * of tasks: before librdkafka 2.3 those that meet a cluster in which brokers are still missing are
 * more often lost to "rewound sequence number". */
void weir_kafka_reconnect_soon(weir_props *props);

/* Would these properties make a handle? For validation; leaves nothing behind. */
WEIR_MUST_CHECK weir_code weir_kafka_client_check(rd_kafka_type_t type, const weir_props *props,
                                                  weir_err *err);

/* Ours for librdkafka's code: FENCED, DENIED, TIMED_OUT, UNAVAILABLE, FAILED. */
weir_code weir_kafka_code(rd_kafka_resp_err_t error);

/* Does the report of an idempotent producer prove that its record is in Kafka? Success without an
 * offset does not (docs/decisions/0011): librdkafka infers it from the success of a later batch,
 * which a broker that knows nothing yet of this producer takes without the earlier one. */
bool weir_kafka_is_written(const rd_kafka_message_t *report);

/* A client id that librdkafka can bear: `id`, or its first 47 bytes and a hash (1.3). */
void weir_kafka_client_id(const char *id, char ret_id[65]);

#endif
