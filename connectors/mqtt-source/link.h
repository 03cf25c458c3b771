/* link.h - the link between paho and the broker, without its sockets.
 *
 * Bytes go in and come out on two sides; the clock is an argument. Control packets pass, every
 * PUBLISH is kept for the task, every acknowledgement is ours (mqtt-source's rules R1 … R20).
 *
 *     paho ──▶ MQTT_CLIENT side │ link │ MQTT_BROKER side ──▶ broker
 *                                  │
 *                         user.message(), mqtt_link_settle()
 *
 * Threads  The task's alone.
 * Order    mqtt_link_open() … mqtt_link_close() is one connection; slots outlive it.
 */
#ifndef MQTT_LINK_H
#define MQTT_LINK_H

#include "packet.h"
#include "slots.h"
#include "weir_plugin.h"

typedef enum mqtt_side { MQTT_BROKER, MQTT_CLIENT } mqtt_side;

/* A message for the task. Topic and payload are valid until message() returns. */
typedef struct mqtt_message {
    mqtt_publish publish; /* payload is NULL when too_large */
    uint64_t token;       /* for mqtt_link_settle() */
    bool too_large;       /* above max_packet: its payload is never stored */
} mqtt_message;

typedef enum mqtt_verdict {
    MQTT_TAKEN,   /* mqtt_link_settle() will name its token; never the answer to too_large */
    MQTT_FULL,    /* no room now: the message comes again after mqtt_link_retry() */
    MQTT_SKIPPED, /* dropped by a policy that the user wrote: acknowledge it */
    MQTT_FAILED,  /* the task ends because of it: no acknowledgement */
} mqtt_verdict;

typedef struct mqtt_link_user {
    void *ctx;
    mqtt_verdict (*message)(void *ctx, const mqtt_message *message);
    /* The broker's answer to SUBSCRIBE, one code per filter. */
    void (*granted)(void *ctx, const uint8_t *codes, size_t count);
    /* … and to UNSUBSCRIBE. NULL: nobody wants to know. */
    void (*unsubscribed)(void *ctx);
} mqtt_link_user;

typedef struct mqtt_link_settings {
    size_t max_packet;          /* of a PUBLISH, whole */
    size_t max_unacked;         /* QoS > 0 messages whose answer is awaited */
    uint64_t max_unacked_bytes; /* payloads of everything unsettled; one message always fits */
    size_t max_loose;           /* unsettled messages that no acknowledgement bounds */
    bool ack_on_receive;        /* acknowledge when message() took it */
    bool skip_retained;         /* acknowledge and forget what was replayed from the store */
    int64_t ping_timeout_ms;
    size_t receive_maximum; /* as CONNECT says in MQTT 5; 0: not watched */
    bool remember_acked;    /* and do not hand over what comes again after it (receipts.h) */
} mqtt_link_settings;

typedef struct mqtt_link mqtt_link;

mqtt_link *mqtt_link_new(const mqtt_link_settings *settings, const mqtt_link_user *user);
void mqtt_link_free(mqtt_link *link);

/* A new connection; `connect` is the CONNECT packet for the broker, which says the version of MQTT
 * (3.1.1 when it is none) and how often paho will ping. */
void mqtt_link_open(mqtt_link *link, const void *connect, size_t size, int64_t now_ms);
/* Before mqtt_link_open(): it is not the broker that accepted the last connection. What that one
 * calls the session is another one, so nothing that was seen before can be recognised in it. */
void mqtt_link_elsewhere(mqtt_link *link, bool elsewhere);
/* The connection is gone, and what it still had to say with it. Idempotent. */
void mqtt_link_close(mqtt_link *link);

/* Should this side be read? Room for a read: *ret_size > 0 whenever it should. */
bool mqtt_link_wants(const mqtt_link *link, mqtt_side from);
void *mqtt_link_room(mqtt_link *link, mqtt_side from, size_t *ret_size);
void mqtt_link_got(mqtt_link *link, mqtt_side from, size_t size, int64_t now_ms);
/* What is to be written; mqtt_link_sent() takes it off. */
const void *mqtt_link_output(const mqtt_link *link, mqtt_side to, size_t *ret_size);
void mqtt_link_sent(mqtt_link *link, mqtt_side to, size_t size);

typedef enum mqtt_link_state {
    MQTT_LINK_RUNS,   /* everything that could be done is done */
    MQTT_LINK_BROKEN, /* drop the connection: mqtt_link_why() */
    MQTT_LINK_FAILED, /* message() said MQTT_FAILED */
} mqtt_link_state;

/* Takes apart what was read, and looks at the clock. */
mqtt_link_state mqtt_link_work(mqtt_link *link, int64_t now_ms);
const char *mqtt_link_why(const mqtt_link *link);
/* When to call mqtt_link_work() even if nothing happens; -1: no need. */
int64_t mqtt_link_next_ms(const mqtt_link *link);

/* There may be room again: a message that met MQTT_FULL or a limit is tried anew. */
void mqtt_link_retry(mqtt_link *link);
/* What became of messages. Puts the acknowledgements that are due into the output. */
void mqtt_link_settle(mqtt_link *link, const uint64_t *tokens, size_t count, weir_outcome outcome);
/* Reads no more from the broker; acknowledgements and pings go on. */
void mqtt_link_drain(mqtt_link *link);
/* Something for paho to read that means nothing to it (nudge.h). */
void mqtt_link_nudge(mqtt_link *link);
/* A message of our own, QoS 0, behind the acknowledgements that are due. Only while connected. */
void mqtt_link_say(mqtt_link *link, const char *topic, const char *payload, bool retain);
/* The last packet of an orderly end, behind the acknowledgements. */
void mqtt_link_goodbye(mqtt_link *link);

/* What CONNACK says about the broker. In 3.1.1 it says nothing, and all is assumed. */
typedef struct mqtt_server {
    bool old; /* it answered in 3.1.1, whatever was asked */
    bool keepalive_given, session_expiry_given;
    uint16_t keepalive_s; /* instead of ours */
    uint32_t session_expiry_s;
    uint16_t receive_maximum; /* for what we publish */
    uint8_t maximum_qos;
    bool retain, wildcards, shared; /* available */
} mqtt_server;

typedef struct mqtt_link_facts {
    mqtt_level level;     /* of this connection */
    bool connected;       /* CONNACK said yes, and the connection lives */
    bool answered;        /* CONNACK came */
    uint8_t refused;      /* CONNACK's code, one of MQTT 5 in MQTT 5; 0: none */
    bool session_present; /* of the last CONNACK */
    uint64_t sessions;    /* connections that did not go on with the session of the one before */
    mqtt_server server;   /* … and what else it said */
    bool left;            /* MQTT 5: the broker has sent DISCONNECT … */
    uint8_t left_reason;  /* … with this code */
    char said[256];       /* … or refused, and this was its Reason String and Server Reference */
    bool malformed;       /* what it sent was no MQTT */
    uint8_t
        publish_refused;  /* MQTT 5: what it said to a message of ours, 0x80 and above; 0: none */
    bool window_exceeded; /* MQTT 5: it sent more at once than it was allowed */
    bool paused;          /* reading is stopped for want of room */
    uint64_t received[3]; /* by QoS, redeliveries included */
    uint64_t received_bytes;
    uint64_t dup_flagged; /* came with DUP=1 */
    uint64_t dup_known;   /* … and were not produced again: swallowed, adopted, known QoS 2 … */
    uint64_t dup_acked;   /* … or acknowledged before */
    uint64_t retained_skipped, too_large;
    uint64_t acks;      /* PUBACK and PUBREC */
    uint64_t paho_acks; /* kept from the broker; must stay 0 */
    size_t loose;       /* unsettled, no acknowledgement waits for them */
    uint64_t unsettled_bytes;
} mqtt_link_facts;

const mqtt_link_facts *mqtt_link_look(const mqtt_link *link);
/* Are redeliveries of what was acknowledged before recognised? Not yet, or not with this broker. */
bool mqtt_link_dedupes(const mqtt_link *link);
const mqtt_slots *mqtt_link_slots(const mqtt_link *link);

#endif
