/* secrets.c - see secrets.h. */
#include "config/secrets.h"

#include "base/buf.h"
#include "base/mem.h"

#include <string.h>

void weir_secrets_add(weir_secrets *secrets, const char *text, const char *shown)
{
    size_t size, at = 0;

    while (text && *text && (unsigned char)*text <= ' ')
        text++;
    size = text ? strlen(text) : 0;
    while (size > 0 && (unsigned char)text[size - 1] <= ' ')
        size--;
    if (size < WEIR_SECRET_SHORTEST)
        return;
    for (size_t i = 0; i < secrets->count; i++) {
        const char *known = secrets->list[i].text;

        if (strlen(known) == size && memcmp(known, text, size) == 0)
            return;
        at += strlen(known) > size;
    }
    secrets->list = weir_realloc(secrets->list, secrets->count + 1, sizeof(*secrets->list));
    memmove(&secrets->list[at + 1], &secrets->list[at],
            (secrets->count - at) * sizeof(*secrets->list));
    secrets->list[at] = (weir_secret){weir_memdup(text, size), weir_strdup(shown)};
    secrets->count++;
}

void weir_secrets_merge(weir_secrets *to, const weir_secrets *from)
{
    for (size_t i = 0; i < from->count; i++)
        weir_secrets_add(to, from->list[i].text, from->list[i].shown);
}

/* The longest secret that begins here; NULL: none. */
static const weir_secret *secret_at(const weir_secrets *secrets, const char *text)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (strncmp(text, secrets->list[i].text, strlen(secrets->list[i].text)) == 0)
            return &secrets->list[i];
    return NULL;
}

char *weir_secrets_hide(const weir_secrets *secrets, const char *text)
{
    weir_buf clean = WEIR_BUF;
    const char *from = text;

    for (const char *at = text; secrets->count > 0 && text && *at;) {
        const weir_secret *found = secret_at(secrets, at);

        if (!found) {
            at++;
            continue;
        }
        weir_buf_add(&clean, from, (size_t)(at - from));
        weir_buf_text_add(&clean, found->shown);
        at += strlen(found->text);
        from = at;
    }
    if (from == text)
        return NULL;
    weir_buf_text_add(&clean, from);
    return weir_buf_take(&clean);
}

void weir_secrets_clear(weir_secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++) {
        explicit_bzero(secrets->list[i].text, strlen(secrets->list[i].text));
        free(secrets->list[i].text);
        free(secrets->list[i].shown);
    }
    free(secrets->list);
    *secrets = (weir_secrets){0};
}
