/* reasons.h - what a broker's codes mean: in words, and for what to do next.
 *
 * In the words of MQTT 5's reason codes (0x80 and above), and of the return codes of 3.1.1's
 * CONNACK (1 to 5).
 */
#ifndef MQTT_REASONS_H
#define MQTT_REASONS_H

#include <stdint.h>

typedef enum mqtt_reason {
    MQTT_VERSION_REFUSED = 0x84,
    MQTT_CLIENT_ID_REFUSED = 0x85,
    MQTT_BAD_PASSWORD = 0x86,
    MQTT_NOT_AUTHORISED = 0x87,
    MQTT_UNAVAILABLE = 0x88,
    MQTT_TAKEN_OVER = 0x8E,
    MQTT_ID_NOT_FOUND = 0x92,
    MQTT_WINDOW_EXCEEDED = 0x93,
    MQTT_USE_ANOTHER = 0x9C,
    MQTT_MOVED = 0x9D,
} mqtt_reason;

/* Follows "the broker refuses the connection:" and "the broker disconnects:". */
const char *mqtt_reason_text(uint8_t code);

/* What to do about a connection that was refused, or ended, for that reason. */
typedef enum mqtt_remedy {
    MQTT_TRY_AGAIN,      /* after the usual back-off */
    MQTT_TRY_LATER,      /* soon will not help: at the longest back-off */
    MQTT_TRY_ELSEWHERE,  /* the next broker of the list, after the usual back-off */
    MQTT_TRY_OLDER_MQTT, /* the version is not spoken */
    MQTT_GIVE_UP,        /* no time will heal it */
} mqtt_remedy;

mqtt_remedy mqtt_reason_remedy(uint8_t code);

/* The reason of MQTT 5 that a return code of 3.1.1 (not 0) stands for. */
uint8_t mqtt_reason_of_old(uint8_t code);

#endif
