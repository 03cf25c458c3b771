/* fixture.h - the plugins of tests/plugins, where the build has put them. */
#ifndef WEIR_TESTS_PLUGIN_FIXTURE_H
#define WEIR_TESTS_PLUGIN_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

/* Path of a fixture; valid until the fourth call after this one. */
static inline const char *fixture(const char *file)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    const char *build = getenv("BUILD");

    snprintf(path, sizeof(paths[0]), "%s/tests/plugins/%s", build ? build : "build/debug", file);
    return path;
}

#endif
