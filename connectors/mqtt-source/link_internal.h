/* link_internal.h - what the files of the link share: link.c (life, bytes, taking apart),
 * link_publish.c (messages and their acknowledgements), link_control.c (everything else).
 */
#ifndef MQTT_LINK_INTERNAL_H
#define MQTT_LINK_INTERNAL_H

#include "link.h"
#include "receipts.h"

#define LINK_SKIMMED_MAX (64u * 1024)  /* properties of a message that is too large */
#define LINK_OUT_SOFT    (512u * 1024) /* above it nothing is read that asks for an answer */

/* What taking a packet apart came to. */
typedef enum link_step {
    LINK_NEXT,   /* done with it */
    LINK_MORE,   /* it is not all there */
    LINK_FULL,   /* no room for what follows from it: it was not touched */
    LINK_BROKEN, /* link->why has the reason */
    LINK_FAILED, /* the task ends */
} link_step;

struct mqtt_link {
    mqtt_link_settings settings;
    mqtt_link_user user;
    mqtt_slots *slots;
    mqtt_receipts *receipts; /* NULL: nobody asked for it */
    mqtt_bytes in[2], out[2];
    mqtt_link_facts facts;
    size_t packet_size; /* of the packet at the head of in[MQTT_BROKER], once known */
    size_t skip_left;   /* of a PUBLISH that is too large: not acknowledged before that is 0 */
    uint8_t skip_qos;
    bool open, draining;
    bool untouched;           /* no message of QoS 1 or 2 has come on this connection */
    bool elsewhere;           /* this CONNECT goes to another broker than the last that accepted */
    unsigned pings_relayed;   /* paho waits for the answer */
    unsigned pings_swallowed; /* paho has its answer already; these come before relayed ones */
    int64_t ping_ms;          /* when the broker was asked for a sign of life; -1: it is not */
    int64_t ping_every_ms;    /* without anything sent, if paho's pings are too rare; 0: not */
    int64_t sent_ms;          /* when something last left for the broker */
    uint16_t keepalive_s;     /* paho's */
    int64_t now_ms;
    char why[384];
};

/* The broker sent what it must not: "a PUBLISH with QoS 3". In MQTT 5 it is told, with `reason`. */
link_step mqtt_link_broken(mqtt_link *link, uint8_t reason, const char *what);
bool mqtt_link_reads_broker(const mqtt_link *link);

/* A PUBLISH of which `have` bytes of the body are there. */
link_step mqtt_link_on_publish(mqtt_link *link, const mqtt_head *head, const uint8_t *body,
                               size_t have);
/* The message in this slot needs nothing more. */
void mqtt_link_finish(mqtt_link *link, uint16_t slot);
/* Puts the acknowledgements that are due into the output. */
void mqtt_link_release_acks(mqtt_link *link);

/* Any other packet, whole: of the broker's, of paho's. */
link_step mqtt_link_on_control(mqtt_link *link, const mqtt_head *head, const uint8_t *body);
link_step mqtt_link_on_client(mqtt_link *link, const mqtt_head *head);
/* A ping of our own, when the broker wants to hear more often from us than paho knows. */
void mqtt_link_keep_alive(mqtt_link *link);
/* Reading stops: the broker's answers lie behind what is not read, so paho gets ours. */
void mqtt_link_answer_pings(mqtt_link *link);

#endif
