/* jaas.h - one entry of sasl.jaas.config, as Java writes it:
 *
 *     org.apache.kafka.common.security.plain.PlainLoginModule required
 *         username="alice" password="…";
 */
#ifndef WEIR_CONFIG_JAAS_H
#define WEIR_CONFIG_JAAS_H

#include "base/err.h"
#include "base/props.h"

typedef struct weir_jaas {
    char *module;       /* the class name */
    weir_props options; /* unquoted */
} weir_jaas;

/* Fills a zeroed *jaas; clear it in any case. WEIR_INVALID says what is wrong, never with a value.
 */
WEIR_MUST_CHECK weir_code weir_jaas_parse(const char *text, weir_jaas *jaas, weir_err *err);
void weir_jaas_clear(weir_jaas *jaas);

#endif
