/* log_command.h - `weir log`: the replay tool. What the group has decided, told from the config
 * topic, or judged (history_check.h).
 */
#ifndef WEIR_HISTORY_LOG_COMMAND_H
#define WEIR_HISTORY_LOG_COMMAND_H

enum {
    WEIR_LOG_USAGE = -1,     /* the words are wrong; nothing was done */
    WEIR_LOG_DONE = 0,       /* told to the end; checked and in order */
    WEIR_LOG_VIOLATIONS = 1, /* --check found some */
    WEIR_LOG_UNREAD = 2,     /* the history could not be read: standard error says why */
};

/* `words`: what follows `weir log`. CONNECT_* of `environment` go on top of FILE. Returns one of
 * the above. Takes the process over: logs go to standard error, SIGINT and SIGTERM are blocked. */
int weir_log_command(int count, char **words, const char *const *environment);

#endif
