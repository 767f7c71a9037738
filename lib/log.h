/* The journal's line format on stderr (sd-daemon(3): "<priority>text"). Only programs log, libraries return errors. */
#ifndef CULVERT_LIB_LOG_H
#define CULVERT_LIB_LOG_H

#include <syslog.h>

/* priority: LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG. No newline in format. errno is left as it was. */
void log_at(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_at(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_at(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_at(LOG_INFO, __VA_ARGS__)

#endif
