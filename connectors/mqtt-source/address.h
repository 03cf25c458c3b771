/* address.h - brokers and topic filters, as users write them. */
#ifndef MQTT_ADDRESS_H
#define MQTT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct mqtt_endpoint {
    char *uri; /* as written, without a query: for people to read */
    char *host, *port;
    bool tls, ws; /* wss is both */
    char *path;   /* of ws, query included; NULL: the address has none */
} mqtt_endpoint;

/* scheme://host[:port], IPv6 in brackets, and for ws and wss a path behind it; ssl, tls, mqtts and
 * wss mean TLS. The port is 1883, with TLS 8883, of ws 80 and of wss 443 unless given.
 * False: *ret_endpoint is untouched, `why` says it. */
bool mqtt_endpoint_parse(const char *uri, mqtt_endpoint *ret_endpoint, char *why, size_t room);
void mqtt_endpoint_clear(mqtt_endpoint *endpoint);
/* Is it this very host, which inside a container is the container? */
bool mqtt_endpoint_is_local(const mqtt_endpoint *endpoint);

/* Splits at commas and trims blanks; "\," is a comma. Empty parts are left out. The array and
 * its strings are the caller's: mqtt_list_free(). */
char **mqtt_list_split(const char *text, size_t *ret_count);
void mqtt_list_free(char **list, size_t count);
/* The opposite: commas inside come out as "\,". To be freed. */
char *mqtt_list_join(char *const *list, size_t count);

/* Is it a legal topic filter, `$share/group/filter` included? If not, `why` says what is wrong. */
bool mqtt_filter_check(const char *filter, char *why, size_t room);
/* Can one topic match both? */
bool mqtt_filters_overlap(const char *a, const char *b);

/* Valid UTF-8, without U+0000? */
bool mqtt_is_text(const char *text, size_t size);

#endif
