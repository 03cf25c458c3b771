/* secrets.h - texts that must not be shown, and what is shown in their place.
 *
 * Passwords, and whatever came in place of a variable. Whoever hands on words that others have
 * made (a plugin, librdkafka) has them go through weir_secrets_hide().
 */
#ifndef WEIR_CONFIG_SECRETS_H
#define WEIR_CONFIG_SECRETS_H

#include <stddef.h>

/* A shorter one is part of ordinary words, and taking those out would tell what it is. */
#define WEIR_SECRET_SHORTEST 4

#define WEIR_HIDDEN "[hidden]"

typedef struct weir_secret {
    char *text, *shown;
} weir_secret;

typedef struct weir_secrets { /* zeroed is empty */
    weir_secret *list;        /* the longest first */
    size_t count;
} weir_secrets;

/* Adds it, without blanks around it; too short, known already or NULL: nothing happens. */
void weir_secrets_add(weir_secrets *secrets, const char *text, const char *shown);
void weir_secrets_merge(weir_secrets *to, const weir_secrets *from);
/* A copy of `text` without any of them, the caller's to free(); NULL: none is in there. What was
 * put in is not searched again. */
char *weir_secrets_hide(const weir_secrets *secrets, const char *text);
void weir_secrets_clear(weir_secrets *secrets);

#endif
