/* version.h - which weir this is: VERSION and the commit it was built from. */
#ifndef WEIR_BASE_VERSION_H
#define WEIR_BASE_VERSION_H

extern const char weir_version[]; /* "1.2.0" */
extern const char weir_commit[];  /* 16 hex digits, or "unknown" */

/* The version of Kafka Connect whose REST API is spoken: clients gate features on what `GET /` says
 * (connect-rest-api.md 0). */
#define WEIR_CONNECT_VERSION "4.2.0"

#endif
