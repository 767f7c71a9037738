/*
 * Files: bounded reads, writes that are whole or not there. If not said otherwise, they return 0 or -errno and leave
 * ret_* alone on failure.
 */
#ifndef CULVERT_LIB_IO_H
#define CULVERT_LIB_IO_H

#include <stddef.h>
#include <sys/types.h>

struct stat;

/*
 * Reads a regular file of at most max octets; -EFBIG if larger, -EINVAL if it is no regular file. The caller frees
 * *ret, which has a NUL behind its *ret_len octets (which may themselves contain NULs).
 */
int io_read_file(const char *path, size_t max, char **ret, size_t *ret_len);
/* The same; *ret_st tells of the file that was opened, also where it is then not read. */
int io_read_file_stat(const char *path, size_t max, struct stat *ret_st, char **ret, size_t *ret_len);
/* The same for a name in a folder that is open: for many files of one folder. */
int io_read_file_at(int folder, const char *name, size_t max, struct stat *ret_st, char **ret, size_t *ret_len);
/* Writes beside, fsyncs and renames: readers see the old file or the new one. */
int io_write_file(const char *path, const void *data, size_t len, mode_t mode);
/* All of data to a file that is open. */
int io_write_all(int fd, const char *data, size_t len);
/* The folder that path is in, "." if it names none; the caller frees it, NULL when memory ran out. */
char *io_folder_of(const char *path);
/*
 * Writes a file that is not there yet, for folders that are put in place as a whole when they are complete: not synced.
 * -EEXIST if it is.
 */
int io_create_file(const char *path, const void *data, size_t len, mode_t mode);
/* mkdir -p with mode for what is missing. */
int io_make_dirs(const char *path, mode_t mode);
/* Makes path a symbolic link to target by rename, in place of whatever link was there. */
int io_replace_link(const char *path, const char *target);
/* Removes path and what is below it, without following links; 0 when it is not there. */
int io_remove_tree(const char *path);
/* Overwrites memory that held a secret, then frees it; NULL is allowed. */
void io_free_secret(char *secret, size_t len);

#endif
