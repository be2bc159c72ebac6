/* The commands of `holdfast`: one file each (cmd_<name>.c), which ends in its struct hf_command. */
#ifndef HF_CLI_COMMAND_H
#define HF_CLI_COMMAND_H

#include "holdfast/error.h"
#include "holdfast/text.h"

/* Exit codes, the same for every command. */
#define HF_EXIT_OK 0
#define HF_EXIT_FOUND 1 /* check: drift; audit verify: a broken chain; validate: a problem */
#define HF_EXIT_ERROR 2 /* it could not be done, or the call was wrong */

/* One GNU long option. Every one can be given by the environment as well: HOLDFAST_ and its name in capitals, '-' as
 * '_'
 * (--log-level: HOLDFAST_LOG_LEVEL). The command line wins. */
struct hf_option {
    const char *name;     /* without "--" */
    const char *argument; /* for the help: "FILE"; NULL: a flag */
    const char *help;     /* what it is; name the default */
    const char **value;   /* set to the text given (argv's or the environment's own); for a flag "1" */
};

struct hf_command {
    const char *name;
    const char *summary; /* one line, for `holdfast --help` */
    const char *usage;   /* "check --config FILE [--unit UNIT] [--output text|json]" */
    const char *help;    /* the rest: what it does, exit codes, examples */
    int (*run)(const struct hf_command *command, int argc, char **argv); /* argv[0] is the command's name */
};

/* Reads argv by the table (closed by a NULL name); --help prints all and sets *exit_code to 0. Returns the index of the
 * first operand (argv is permuted), or -1 when the command is over: then *exit_code says how (an unknown option has
 * been told on stderr). */
int hf_options_read(const struct hf_command *command, const struct hf_option *options, int argc, char **argv,
                    int *exit_code);

/* "holdfast check: <text>" on stderr, made safe for a terminal. Returns HF_EXIT_ERROR. */
int hf_command_fail(const struct hf_command *command, const struct hf_error *err);

/* agent_of.c: what speaks to a running agent. */
const char *hf_command_who(void); /* the person at the terminal */
/* The path of what stands beside the agent's trail (its own path and the suffix). HF_ENOTFOUND: the config has no such
 * target (NULL: not asked). */
int hf_command_database(const char *config, const char *database, const char *target, const char *suffix,
                        struct hf_buf *out, struct hf_error *err);
/* KIND/NAME or KIND/NAMESPACE/NAME, cut apart in text. */
int hf_command_object(char *text, const char **kind, const char **namespace, const char **name, struct hf_error *err);

extern const struct hf_command hf_cmd_run;
extern const struct hf_command hf_cmd_check;
extern const struct hf_command hf_cmd_validate;
extern const struct hf_command hf_cmd_digest;
extern const struct hf_command hf_cmd_rules;
extern const struct hf_command hf_cmd_pause;
extern const struct hf_command hf_cmd_snooze;
extern const struct hf_command hf_cmd_resume;
extern const struct hf_command hf_cmd_pauses;
extern const struct hf_command hf_cmd_put_back;
extern const struct hf_command hf_cmd_accept;
extern const struct hf_command hf_cmd_rollback;
extern const struct hf_command hf_cmd_units;
extern const struct hf_command hf_cmd_alert;
extern const struct hf_command hf_cmd_audit;
extern const struct hf_command hf_cmd_token;
extern const struct hf_command hf_cmd_version;

#endif
