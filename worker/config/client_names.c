/* client_names.c - see client_names.h. Aliases of one property get one name here, so that a later
 * layer replaces what an earlier one said under another name. */
#include "config/client_names.h"

#include "base/mem.h"

#include <string.h>

#define ANY      WEIR_SCOPE_ANY
#define PRODUCER WEIR_SCOPE_PRODUCER
#define CONSUMER WEIR_SCOPE_CONSUMER

#define JAVA_TLS   "Java's TLS settings do not apply to OpenSSL"
#define JAVA_CLASS "Java classes cannot be loaded"
#define JAVA_LOGIN "librdkafka logs in by itself"
#define JAVA_JWT   "librdkafka does not examine tokens"
#define NO_REPORTS "clients report through the log and the worker's status"
#define CONVERTERS "converters do this work"

/* clang-format off: one line a name. */
static const weir_client_name names[] = {
    /* ---- Connections ---- */
    {"bootstrap.servers", ANY, NULL, NULL},
    {"metadata.broker.list", ANY, "bootstrap.servers", NULL},
    {"client.id", ANY, NULL, NULL},
    {"client.rack", ANY, NULL, NULL},
    {"client.dns.lookup", ANY, NULL, NULL},
    {"metadata.max.age.ms", ANY, NULL, NULL},
    {"metadata.recovery.strategy", ANY, NULL, NULL},
    {"metadata.recovery.rebootstrap.trigger.ms", ANY, NULL, NULL},
    {"connections.max.idle.ms", ANY, NULL, NULL},
    {"send.buffer.bytes", ANY, "socket.send.buffer.bytes", NULL},
    {"receive.buffer.bytes", ANY, "socket.receive.buffer.bytes", NULL},
    {"socket.connection.setup.timeout.max.ms", ANY, NULL,
     "librdkafka has one limit, socket.connection.setup.timeout.ms"},
    {"retry.backoff.ms", ANY, NULL, NULL},
    {"retry.backoff.max.ms", ANY, NULL, NULL},
    {"default.api.timeout.ms", ANY, NULL, "calls have time limits of their own"},
    {"message.max.bytes", ANY, NULL, NULL},
    {"message.copy.max.bytes", ANY, NULL, NULL},
    {"receive.message.max.bytes", ANY, NULL, NULL},
    {"allow.auto.create.topics", ANY, NULL, NULL},
    {"debug", ANY, NULL, NULL},
    {"log_level", ANY, NULL, NULL},
    {"interceptor.classes", ANY, NULL, JAVA_CLASS},
    {"security.providers", ANY, NULL, JAVA_CLASS},
    {"metric.reporters", ANY, NULL, NO_REPORTS},
    {"auto.include.jmx.reporter", ANY, NULL, NO_REPORTS},
    {"metrics.num.samples", ANY, NULL, NO_REPORTS},
    {"metrics.recording.level", ANY, NULL, NO_REPORTS},
    {"metrics.sample.window.ms", ANY, NULL, NO_REPORTS},
    {"enable.metrics.push", ANY, NULL, NULL},

    /* ---- Security ---- */
    {"security.protocol", ANY, NULL, NULL},
    {"ssl.truststore.type", ANY, NULL, NULL},
    {"ssl.truststore.location", ANY, NULL, NULL},
    {"ssl.truststore.password", ANY, NULL, NULL},
    {"ssl.truststore.certificates", ANY, "ssl.ca.pem", NULL},
    {"ssl.keystore.type", ANY, NULL, NULL},
    {"ssl.keystore.location", ANY, NULL, NULL},
    {"ssl.keystore.password", ANY, NULL, NULL},
    {"ssl.keystore.certificate.chain", ANY, "ssl.certificate.pem", NULL},
    {"ssl.keystore.key", ANY, "ssl.key.pem", NULL},
    {"ssl.endpoint.identification.algorithm", ANY, NULL, NULL},
    {"ssl.cipher.suites", ANY, NULL, NULL},
    {"ssl.protocol", ANY, NULL, JAVA_TLS},
    {"ssl.provider", ANY, NULL, JAVA_TLS},
    {"ssl.enabled.protocols", ANY, NULL, JAVA_TLS},
    {"ssl.keymanager.algorithm", ANY, NULL, JAVA_TLS},
    {"ssl.trustmanager.algorithm", ANY, NULL, JAVA_TLS},
    {"ssl.secure.random.implementation", ANY, NULL, JAVA_TLS},
    {"ssl.engine.factory.class", ANY, NULL, NULL},
    {"sasl.mechanisms", ANY, "sasl.mechanism", NULL},
    {"sasl.jaas.config", ANY, NULL, NULL},
    {"sasl.kerberos.kinit.cmd", ANY, NULL, NULL},
    {"sasl.kerberos.ticket.renew.jitter", ANY, NULL, JAVA_LOGIN},
    {"sasl.kerberos.ticket.renew.window.factor", ANY, NULL, JAVA_LOGIN},
    {"sasl.client.callback.handler.class", ANY, NULL, JAVA_CLASS},
    {"sasl.login.callback.handler.class", ANY, NULL, JAVA_CLASS},
    {"sasl.login.class", ANY, NULL, JAVA_CLASS},
    {"sasl.login.connect.timeout.ms", ANY, NULL, JAVA_LOGIN},
    {"sasl.login.read.timeout.ms", ANY, NULL, JAVA_LOGIN},
    {"sasl.login.refresh.buffer.seconds", ANY, NULL, JAVA_LOGIN},
    {"sasl.login.refresh.min.period.seconds", ANY, NULL, JAVA_LOGIN},
    {"sasl.login.refresh.window.factor", ANY, NULL, JAVA_LOGIN},
    {"sasl.login.refresh.window.jitter", ANY, NULL, JAVA_LOGIN},
    {"sasl.login.retry.backoff.max.ms", ANY, NULL, JAVA_LOGIN},
    {"sasl.login.retry.backoff.ms", ANY, NULL, JAVA_LOGIN},
    {"sasl.oauthbearer.clock.skew.seconds", ANY, NULL, JAVA_JWT},
    {"sasl.oauthbearer.expected.audience", ANY, NULL, JAVA_JWT},
    {"sasl.oauthbearer.expected.issuer", ANY, NULL, JAVA_JWT},
    {"sasl.oauthbearer.header.urlencode", ANY, NULL, JAVA_JWT},
    {"sasl.oauthbearer.jwks.endpoint.refresh.ms", ANY, NULL, JAVA_JWT},
    {"sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", ANY, NULL, JAVA_JWT},
    {"sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", ANY, NULL, JAVA_JWT},
    {"sasl.oauthbearer.jwks.endpoint.url", ANY, NULL, JAVA_JWT},
    {"sasl.oauthbearer.scope.claim.name", ANY, NULL, JAVA_JWT},
    {"sasl.oauthbearer.sub.claim.name", ANY, NULL, JAVA_JWT},

    /* ---- Producers ---- */
    {"acks", PRODUCER, NULL, NULL},
    {"request.required.acks", PRODUCER, "acks", NULL},
    {"retries", PRODUCER, NULL, NULL},
    {"message.send.max.retries", PRODUCER, "retries", NULL},
    {"max.in.flight", PRODUCER, "max.in.flight.requests.per.connection", NULL},
    {"max.in.flight.requests.per.connection", PRODUCER, NULL, NULL},
    {"linger.ms", PRODUCER, NULL, NULL},
    {"queue.buffering.max.ms", PRODUCER, "linger.ms", NULL},
    {"message.timeout.ms", PRODUCER, NULL, NULL},
    {"delivery.timeout.ms", PRODUCER, "message.timeout.ms", NULL},
    {"compression.codec", PRODUCER, "compression.type", NULL},
    {"compression.type", PRODUCER, NULL, NULL},
    {"compression.level", PRODUCER, NULL, NULL},
    {"compression.gzip.level", PRODUCER, "compression.level", NULL},
    {"compression.lz4.level", PRODUCER, "compression.level", NULL},
    {"compression.zstd.level", PRODUCER, "compression.level", NULL},
    {"buffer.memory", PRODUCER, "queue.buffering.max.kbytes", NULL},
    {"queue.buffering.max.kbytes", PRODUCER, NULL, NULL},
    {"queue.buffering.max.messages", PRODUCER, NULL, NULL},
    {"queue.buffering.backpressure.threshold", PRODUCER, NULL, NULL},
    {"max.request.size", PRODUCER, "message.max.bytes", NULL},
    {"batch.size", PRODUCER, NULL, NULL},
    {"batch.num.messages", PRODUCER, NULL, NULL},
    {"enable.idempotence", PRODUCER, NULL, NULL},
    {"enable.gapless.guarantee", PRODUCER, NULL, NULL},
    {"transactional.id", PRODUCER, NULL, NULL},
    {"transaction.timeout.ms", PRODUCER, NULL, NULL},
    {"partitioner", PRODUCER, NULL, NULL},
    {"partitioner.class", PRODUCER, "partitioner", NULL},
    {"partitioner.adaptive.partitioning.enable", PRODUCER, NULL,
     "the partition follows from the key"},
    {"partitioner.availability.timeout.ms", PRODUCER, NULL, "the partition follows from the key"},
    {"partitioner.ignore.keys", PRODUCER, NULL, "the partition follows from the key"},
    {"sticky.partitioning.linger.ms", PRODUCER, NULL, NULL},
    {"delivery.report.only.error", PRODUCER, NULL, NULL},
    {"queuing.strategy", PRODUCER, NULL, NULL},
    {"max.block.ms", PRODUCER, NULL, "a full buffer holds the source back, no thread waits for it"},
    {"metadata.max.idle.ms", PRODUCER, NULL, "librdkafka forgets unused topics by itself"},
    {"key.serializer", PRODUCER, NULL, CONVERTERS},
    {"value.serializer", PRODUCER, NULL, CONVERTERS},

    /* ---- Consumers ---- */
    {"group.id", CONSUMER, NULL, NULL},
    {"group.instance.id", CONSUMER, NULL, NULL},
    {"group.protocol", CONSUMER, NULL, NULL},
    {"group.remote.assignor", CONSUMER, NULL, NULL},
    {"auto.offset.reset", CONSUMER, NULL, NULL},
    {"enable.auto.commit", CONSUMER, NULL, NULL},
    {"auto.commit.enable", CONSUMER, "enable.auto.commit", NULL},
    {"auto.commit.interval.ms", CONSUMER, NULL, NULL},
    {"enable.auto.offset.store", CONSUMER, NULL, NULL},
    {"enable.partition.eof", CONSUMER, NULL, NULL},
    {"isolation.level", CONSUMER, NULL, NULL},
    {"check.crcs", CONSUMER, NULL, NULL},
    {"fetch.min.bytes", CONSUMER, NULL, NULL},
    {"fetch.max.bytes", CONSUMER, NULL, NULL},
    {"fetch.max.wait.ms", CONSUMER, "fetch.wait.max.ms", NULL},
    {"fetch.wait.max.ms", CONSUMER, NULL, NULL},
    {"fetch.error.backoff.ms", CONSUMER, NULL, NULL},
    {"fetch.message.max.bytes", CONSUMER, "max.partition.fetch.bytes", NULL},
    {"max.partition.fetch.bytes", CONSUMER, NULL, NULL},
    {"max.poll.interval.ms", CONSUMER, NULL, NULL},
    {"max.poll.records", CONSUMER, NULL, "librdkafka hands records over one by one"},
    {"session.timeout.ms", CONSUMER, NULL, NULL},
    {"heartbeat.interval.ms", CONSUMER, NULL, NULL},
    {"partition.assignment.strategy", CONSUMER, NULL, NULL},
    {"coordinator.query.interval.ms", CONSUMER, NULL, NULL},
    {"queued.min.messages", CONSUMER, NULL, NULL},
    {"queued.max.messages.kbytes", CONSUMER, NULL, NULL},
    {"exclude.internal.topics", CONSUMER, NULL, "topics are named one by one"},
    {"key.deserializer", CONSUMER, NULL, CONVERTERS},
    {"value.deserializer", CONSUMER, NULL, CONVERTERS},

    /* In Java the limit of every request; in librdkafka of produce requests alone. */
    {"request.timeout.ms", ANY, NULL, NULL},
};
/* clang-format on */

const weir_client_name *weir_client_name_find(const char *name)
{
    for (size_t i = 0; i < WEIR_COUNT(names); i++)
        if (strcmp(names[i].name, name) == 0)
            return &names[i];
    return NULL;
}

bool weir_client_name_is_known(const char *name)
{
    static const char *const families[] = {
        "ssl.",         "sasl.",       "socket.",         "broker.",
        "reconnect.",   "enable.ssl.", "enable.sasl.",    "topic.metadata.",
        "api.version.", "statistics.", "log.connection.", "log.queue",
        "log.thread.",
    };

    for (size_t i = 0; i < WEIR_COUNT(families); i++)
        if (strncmp(name, families[i], strlen(families[i])) == 0)
            return true;
    return weir_client_name_find(name) != NULL;
}
