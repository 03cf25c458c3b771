/* test_providers.c - variables get the values that Kafka's providers would give them; what cannot
 * be had is named, and nothing else is said about it. */
#include "config/providers.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/provider.h"
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KAFKA "org.apache.kafka.common.config.provider."

static const char *const environment[] = {"MQTT_PW=tiger", "MQTT_USER=anna", "EMPTY=", "EQUAL=a=b",
                                          "KAFKA_PW=lion", "NOTHING",        NULL};

/* ---- A folder of files, made anew for each test ---------------------------------------------- */

static char folder[64];

static void put_file(const char *name, const char *content, size_t size)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, size), (ssize_t)size);
    close(fd);
}

static void put_text(const char *name, const char *content)
{
    put_file(name, content, strlen(content));
}

static void put_folder(const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void put_link(const char *target, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    ck_assert_int_eq(symlink(target, path), 0);
}

static void set_up(void)
{
    static char large[WEIR_PROVIDER_MAX + 1];
    char path[128];

    mallopt(M_PERTURB, 'p'); /* so that nothing ends well because memory happens to be zero */
    snprintf(folder, sizeof(folder), "/tmp/weir-providers-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    put_text("s.properties", "# secrets\nuser = anna\npassword=t\\u0069ger\nwith:colon = c\n"
                             "with\\:colon=colon\nempty=\nnested=${env:MQTT_PW}\n");
    put_text("broken.properties", "password=tiger\nother=\\u00zz\n");
    put_file("binary.properties", "a=\xff\xfe", 4);
    memset(large, 'x', sizeof(large));
    put_file("large.properties", large, sizeof(large));
    put_folder("dir");
    put_text("dir/password", "tiger");
    put_text("dir/newline", " tiger\n");
    put_text("dir/empty", "");
    put_file("dir/nul", "a\0b", 3);
    put_file("dir/binary", "\xff", 1);
    put_folder("dir/sub");
    put_folder("outside");
    put_text("outside/password", "lion");
    put_text("outside/s.properties", "password=lion\n");
    put_folder("dir/..data");
    put_text("dir/..data/mounted", "panther");
    put_link("..data/mounted", "dir/mounted");
    put_link("../outside/password", "dir/led-out");
    put_link("nowhere", "dir/dangling");
    snprintf(path, sizeof(path), "%s/pipe.properties", folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

static void tear_down(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* `text` with ~ for the folder; valid until the fourth call after this one. */
static const char *here(const char *text)
{
    static char texts[4][1024];
    static unsigned turn;
    char *out = texts[turn++ % 4], *at = out;

    for (; *text; text++) {
        if (*text == '~')
            at = stpcpy(at, folder);
        else
            *at++ = *text;
    }
    *at = '\0';
    return out;
}

/* ---- One resolution -------------------------------------------------------------------------- */

/* Providers from "key=value" lines; the three under their usual names unless told otherwise. */
static weir_code declare(const char *lines, weir_providers **ret_providers, weir_err *err)
{
    static const char usual[] = "config.providers=env, file,dir\n"
                                "config.providers.env.class=" KAFKA "EnvVarConfigProvider\n"
                                "config.providers.file.class=" KAFKA "FileConfigProvider\n"
                                "config.providers.dir.class=" KAFKA "DirectoryConfigProvider\n";
    char *all = weir_format("%s%s", usual, here(lines)), *rest = all;
    weir_props props = WEIR_PROPS;
    weir_code rc;

    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        char *value = strchr(line, '=');

        if (value) {
            *value = '\0';
            weir_props_set(&props, line, value + 1);
        }
    }
    rc = weir_providers_new(&props, environment, ret_providers, err);
    weir_props_clear(&props);
    free(all);
    return rc;
}

typedef struct resolved {
    weir_code code;
    weir_err err;
    weir_resolution resolution;
} resolved;

static resolved resolve_as(const char *declared, const char *value)
{
    resolved got = {.err = {.msg = ""}};
    weir_providers *providers = NULL;
    weir_props raw = WEIR_PROPS;

    ck_assert_msg(declare(declared, &providers, &got.err) == WEIR_OK, "%s", got.err.msg);
    weir_props_set(&raw, "the.key", value ? here(value) : NULL);
    got.code = weir_providers_resolve(providers, &raw, &got.resolution, &got.err);
    weir_props_clear(&raw);
    weir_providers_free(providers);
    return got;
}

static const char *value_of(const resolved *got)
{
    return weir_props_get(&got->resolution.props, "the.key");
}

static const struct {
    const char *value, *becomes;
} values[] = {
    {"plain", "plain"},
    {"", ""},
    {NULL, NULL},
    {"${env:MQTT_PW}", "tiger"},
    {"${env::MQTT_PW}", "tiger"},
    {"${env:EMPTY}", ""},
    {"${env:EQUAL}", "a=b"},
    {"x${env:MQTT_USER}y${env:MQTT_PW}z", "xannaytigerz"},
    {"tcp://${env:MQTT_USER}:${file:~/s.properties:password}@host", "tcp://anna:tiger@host"},
    {"$${env:MQTT_PW}", "$tiger"},
    {"\\${env:MQTT_PW}", "\\tiger"},
    {"${file:~/s.properties:user}", "anna"},
    {"${file:~/s.properties:empty}", ""},
    {"${file:~/s.properties:with:colon}", "colon"},
    {"${file:~/./dir/../s.properties:user}", "anna"},
    {"${dir:~/dir:password}", "tiger"},
    {"${dir:~/dir/:password}", "tiger"},
    {"${dir:~/dir:newline}", " tiger\n"}, /* nothing is trimmed */
    {"${dir:~/dir:empty}", ""},
    {"${dir:~/dir:mounted}", "panther"},
    {"${dir:~/dir:led-out}", "lion"},
    /* results are not looked at again */
    {"${file:~/s.properties:nested}", "${env:MQTT_PW}"},
    /* of no provider that is there */
    {"${vault:x:y}", "${vault:x:y}"},
    {"${ env :MQTT_PW}", "${ env :MQTT_PW}"},
    {"${ENV:MQTT_PW}", "${ENV:MQTT_PW}"},
    {"${json:/ptr}-${topic}-${env:MQTT_USER}", "${json:/ptr}-${topic}-anna"},
    {"${vault:${env:MQTT_PW}}", "${vault:${env:MQTT_PW}}"},
};

START_TEST(a_variable_becomes_its_value)
{
    resolved got = resolve_as("", values[_i].value);

    ck_assert_msg(got.code == WEIR_OK, "%s", got.err.msg);
    ck_assert_pstr_eq(value_of(&got), values[_i].becomes);
    ck_assert_uint_eq(got.resolution.unresolved_count, 0);
    weir_resolution_clear(&got.resolution);
}
END_TEST

/* Stays as it is written, and somebody is told. */
static const struct {
    const char *declared, *value, *why;
} stays[] = {
    {"", "${env:MISSING}", "provider 'env': there is no environment variable 'MISSING'"},
    {"", "${env:NOTHING}", "no environment variable 'NOTHING'"},
    {"", "${env:}", "no environment variable ''"},
    {"", "${file:~/s.properties:missing}", "provider 'file': there is no key 'missing' in '~/s"},
    {"", "${file:password}", "it needs the path of a file"},
    {"", "${dir:~/dir:missing}", "provider 'dir': there is no file 'missing' in '~/dir'"},
    {"", "${dir:~/dir:dangling}", "no file 'dangling'"},
    {"", "${dir:~/dir:sub}", "no file 'sub'"},
    {"", "${dir:~/dir:sub/../password}", "'sub/../password' is no name of a file"},
    {"", "${dir:~/dir:..}", "'..' is no name of a file"},
    {"", "${dir:~/dir:}", "'' is no name of a file"},
    {"", "${dir:password}", "it needs the path of a directory"},
    {"", "${dir:~/nowhere:password}", "'~/nowhere' is not a directory"},
    {"", "${dir:~/s.properties:password}", "is not a directory"},
    {"config.providers.env.param.allowlist.pattern=MQTT_.*", "${env:KAFKA_PW}",
     "its allowlist.pattern does not let 'KAFKA_PW' out"},
    {"config.providers.env.param.allowlist.pattern=MQTT", "${env:MQTT_PW}", "allowlist.pattern"},
    {"config.providers.env.param.allowlist.pattern=PW|USER", "${env:MQTT_PW}", "allowlist.pattern"},
    {"config.providers.file.param.allowed.paths=~/dir", "${file:~/s.properties:password}",
     "its allowed.paths do not contain '~/s.properties'"},
    {"config.providers.file.param.allowed.paths=~/dir", "${file:~/dir/../s.properties:password}",
     "allowed.paths"},
    {"config.providers.file.param.allowed.paths=~/dir", "${file:dir/s.properties:password}",
     "allowed.paths"},
    {"config.providers.dir.param.allowed.paths=~/dir", "${dir:~/outside:password}",
     "allowed.paths"},
    {"config.providers.dir.param.allowed.paths=~/dir", "${dir:~/dir/sub/../../outside:password}",
     "allowed.paths"},
    {"config.providers.dir.param.allowed.paths=~/dir/..data", "${dir:~/dir/..data2:password}",
     "allowed.paths"},
};

START_TEST(what_is_not_there_stays_as_it_is_written)
{
    resolved got = resolve_as(stays[_i].declared, stays[_i].value);

    ck_assert_msg(got.code == WEIR_OK, "%s", got.err.msg);
    ck_assert_str_eq(value_of(&got), here(stays[_i].value));
    ck_assert_uint_eq(got.resolution.unresolved_count, 1);
    ck_assert_str_eq(got.resolution.unresolved[0].key, "the.key");
    ck_assert_str_eq(got.resolution.unresolved[0].text, here(stays[_i].value));
    ck_assert_msg(strstr(got.resolution.unresolved[0].why, here(stays[_i].why)), "got: %s",
                  got.resolution.unresolved[0].why);
    weir_resolution_clear(&got.resolution);
}
END_TEST

static const struct {
    const char *declared, *value, *becomes;
} allowed[] = {
    {"config.providers.env.param.allowlist.pattern=MQTT_.*", "${env:MQTT_PW}", "tiger"},
    {"config.providers.env.param.allowlist.pattern=.*_PW|EMPTY", "${env:KAFKA_PW}", "lion"},
    {"config.providers.env.param.allowlist.pattern=^[A-Z]+_(PW|USER)$", "${env:MQTT_PW}", "tiger"},
    {"config.providers.env.param.allowlist.pattern=MQTT\\_PW", "${env:MQTT_PW}", "tiger"},
    {"config.providers.env.param.unheard.of=x", "${env:MQTT_PW}", "tiger"},
    {"config.providers.file.param.allowed.paths=~/dir, ~/s.properties",
     "${file:~/s.properties:password}", "tiger"},
    {"config.providers.file.param.allowed.paths=~/dir/..", "${file:~/s.properties:password}",
     "tiger"},
    {"config.providers.file.param.allowed.paths=/", "${file:~/s.properties:password}", "tiger"},
    {"config.providers.file.param.allowed.paths=", "${file:~/s.properties:password}", "tiger"},
    {"config.providers.dir.param.allowed.paths=~/dir/", "${dir:~/dir/sub/..:password}", "tiger"},
    /* whoever puts a link into an allowed directory allows what it leads to */
    {"config.providers.dir.param.allowed.paths=~/dir", "${dir:~/dir:mounted}", "panther"},
    {"config.providers.dir.param.allowed.paths=~/dir", "${dir:~/dir:led-out}", "lion"},
};

START_TEST(what_is_allowed_is_given_out)
{
    resolved got = resolve_as(allowed[_i].declared, allowed[_i].value);

    ck_assert_msg(got.code == WEIR_OK, "%s", got.err.msg);
    ck_assert_str_eq(value_of(&got), allowed[_i].becomes);
    weir_resolution_clear(&got.resolution);
}
END_TEST

static const struct {
    const char *value, *says;
} fails[] = {
    {"${env:/path:MQTT_PW}", "the.key: ${env:/path:MQTT_PW}: provider 'env': Path is not supported "
                             "for EnvVarConfigProvider, invalid value '/path'"},
    {"a${file:~/nowhere:password}", "the.key: ${file:~/nowhere:password}: provider 'file': Could "
                                    "not read properties from file ~/nowhere: No such file"},
    {"${file:~/dir:password}", "Could not read properties from file ~/dir: not a regular file"},
    {"${file:~/pipe.properties:a}", "not a regular file"},
    {"${file:~/broken.properties:password}", "~/broken.properties: line 2"},
    {"${file:~/binary.properties:a}", "is not UTF-8"},
    {"${file:~/large.properties:a}", "larger than 1048576 bytes"},
    {"${dir:~/dir:nul}", "Could not read file ~/dir/nul for property nul: a NUL byte in it"},
    {"${dir:~/dir:binary}", "it is not UTF-8"},
};

START_TEST(what_cannot_be_read_is_an_error_without_its_content)
{
    resolved got = resolve_as("", fails[_i].value);

    ck_assert_int_eq(got.code, WEIR_FAILED);
    ck_assert_msg(strstr(got.err.msg, here(fails[_i].says)), "got: %s", got.err.msg);
    ck_assert_ptr_null(strstr(got.err.msg, "tiger"));
    weir_resolution_clear(&got.resolution);
}
END_TEST

/* ---- Declarations ---------------------------------------------------------------------------- */

static const struct {
    const char *lines, *says;
} refused[] = {
    {"config.providers=env,vault",
     "Missing required configuration \"config.providers.vault.class\""},
    {"config.providers.env.class=com.example.Vault",
     "Invalid value com.example.Vault for configuration config.providers.env.class: there is no "
     "such config provider; there are: " KAFKA "EnvVarConfigProvider, " KAFKA
     "FileConfigProvider, " KAFKA "DirectoryConfigProvider"},
    {"config.providers.env.class=EnvVarConfigProvider", "there is no such config provider"},
    {"config.providers.file.param.allowed.paths=secrets",
     "config.providers.file.param: allowed.paths: Path secrets is not absolute"},
    {"config.providers.dir.param.allowed.paths=~,~/nowhere",
     "config.providers.dir.param: allowed.paths: Path ~/nowhere does not exist"},
    {"config.providers.env.param.allowlist.pattern=(", "config.providers.env.param"},
    {"config.providers.env.param.allowlist.pattern=\\d+", "allowlist.pattern: \\d+: not a regular"},
    {"config.providers.env.param.allowlist.pattern=(?i)mqtt.*", "not a regular expression"},
    {"config.providers.env.param.allowlist.pattern=.*?", "not a regular expression"},
};

START_TEST(a_declaration_that_makes_no_sense_is_refused)
{
    weir_providers *providers = NULL;
    weir_err err;

    ck_assert_int_eq(declare(refused[_i].lines, &providers, &err), WEIR_INVALID);
    ck_assert_ptr_null(providers);
    ck_assert_msg(strstr(err.msg, here(refused[_i].says)), "got: %s", err.msg);
}
END_TEST

START_TEST(without_providers_everything_stays)
{
    resolved got = resolve_as("config.providers=", "${env:MQTT_PW}");
    weir_resolution none = {.props = WEIR_PROPS};
    weir_props raw = WEIR_PROPS;

    ck_assert_str_eq(value_of(&got), "${env:MQTT_PW}");
    ck_assert_uint_eq(got.resolution.unresolved_count, 0);
    weir_resolution_clear(&got.resolution);

    weir_props_set(&raw, "k", "${env:MQTT_PW}");
    ck_assert_int_eq(weir_providers_resolve(NULL, &raw, &none, &got.err), WEIR_OK);
    ck_assert(weir_props_equal(&none.props, &raw));
    ck_assert(!weir_providers_know(NULL, "${env:MQTT_PW}"));
    weir_resolution_clear(&none);
    weir_props_clear(&raw);
}
END_TEST

START_TEST(a_provider_knows_its_variables)
{
    weir_providers *providers = NULL;
    weir_err err;

    ck_assert_int_eq(declare("", &providers, &err), WEIR_OK);
    ck_assert(weir_providers_know(providers, "x${env:A}"));
    ck_assert(weir_providers_know(providers, "${topic}${vault:x}${dir:/a:b}"));
    ck_assert(!weir_providers_know(providers, "${topic}${vault:x}"));
    ck_assert(!weir_providers_know(providers, ""));
    ck_assert(!weir_providers_know(providers, NULL));
    weir_providers_free(providers);
}
END_TEST

START_TEST(a_changed_file_counts_from_the_next_time_on)
{
    weir_providers *providers = NULL;
    weir_resolution one = {.props = WEIR_PROPS}, two = {.props = WEIR_PROPS};
    weir_props raw = WEIR_PROPS;
    weir_err err;

    ck_assert_int_eq(declare("", &providers, &err), WEIR_OK);
    weir_props_set(&raw, "k", here("${dir:~/dir:password}${file:~/s.properties:user}"));
    ck_assert_int_eq(weir_providers_resolve(providers, &raw, &one, &err), WEIR_OK);
    put_text("dir/password", "leopard");
    put_text("s.properties", "user=bert");
    ck_assert_int_eq(weir_providers_resolve(providers, &raw, &two, &err), WEIR_OK);
    ck_assert_str_eq(weir_props_get(&one.props, "k"), "tigeranna");
    ck_assert_str_eq(weir_props_get(&two.props, "k"), "leopardbert");
    weir_resolution_clear(&one);
    weir_resolution_clear(&two);
    weir_props_clear(&raw);
    weir_providers_free(providers);
}
END_TEST

START_TEST(what_was_put_in_is_a_secret_shown_as_its_variable)
{
    resolved got = resolve_as("", "${env:MQTT_PW} ${dir:~/dir:newline} ${env:EMPTY}");
    char *clean = weir_secrets_hide(&got.resolution.secrets, "login of anna with tiger");

    ck_assert_str_eq(clean, "login of anna with ${env:MQTT_PW}");
    free(clean);
    weir_resolution_clear(&got.resolution);
}
END_TEST

/* ---- Paths ----------------------------------------------------------------------------------- */

static const struct {
    const char *path, *normal;
} paths[] = {
    {"/", "/"},
    {"/a", "/a"},
    {"/a/", "/a"},
    {"//a//b", "/a/b"},
    {"/a/./b/.", "/a/b"},
    {"/a/../b", "/b"},
    {"/a/b/../..", "/"},
    {"/..", "/"},
    {"/../../a", "/a"},
    {"/a/..b/...", "/a/..b/..."},
    {"a", "a"},
    {"a/..", ""},
    {"../a", "../a"},
    {"../../a/..", "../.."},
    {"./a/../../b", "../b"},
    {"", ""},
};

START_TEST(a_path_is_normalised_by_its_letters)
{
    char *normal = weir_path_normalise(paths[_i].path);

    ck_assert_str_eq(normal, paths[_i].normal);
    free(normal);
}
END_TEST

WEIR_UNIT_MAIN("providers", tcase_add_checked_fixture(tests, set_up, tear_down);
               tcase_add_loop_test(tests, a_variable_becomes_its_value, 0, WEIR_COUNT(values));
               tcase_add_loop_test(tests, what_is_not_there_stays_as_it_is_written, 0,
                                   WEIR_COUNT(stays));
               tcase_add_loop_test(tests, what_is_allowed_is_given_out, 0, WEIR_COUNT(allowed));
               tcase_add_loop_test(tests, what_cannot_be_read_is_an_error_without_its_content, 0,
                                   WEIR_COUNT(fails));
               tcase_add_loop_test(tests, a_declaration_that_makes_no_sense_is_refused, 0,
                                   WEIR_COUNT(refused));
               tcase_add_test(tests, without_providers_everything_stays);
               tcase_add_test(tests, a_provider_knows_its_variables);
               tcase_add_test(tests, a_changed_file_counts_from_the_next_time_on);
               tcase_add_test(tests, what_was_put_in_is_a_secret_shown_as_its_variable);
               tcase_add_loop_test(tests, a_path_is_normalised_by_its_letters, 0,
                                   WEIR_COUNT(paths));)
