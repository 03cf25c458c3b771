/* version.h - which weir this is: VERSION and the commit it was built from. */
#ifndef WEIR_BASE_VERSION_H
#define WEIR_BASE_VERSION_H

extern const char weir_version[]; /* "1.2.0" */
extern const char weir_commit[];  /* 16 hex digits, or "unknown" */

#endif
