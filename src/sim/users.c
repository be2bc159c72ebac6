#include "users.h"

#include <string.h>

#include "sim.h"

#define MOST_FILE ((size_t)1 << 20)
#define AUDIENCE "https://kubernetes.default.svc"

static const char *const ROLES[] = {
    "{\"metadata\":{\"name\":\"cluster-admin\"},\"rules\":[{\"apiGroups\":[\"*\"],\"resources\":[\"*\"],\"verbs\":[\"*"
    "\"]}]}",
    "{\"metadata\":{\"name\":\"system:auth-delegator\"},\"rules\":["
    "{\"apiGroups\":[\"authentication.k8s.io\"],\"resources\":[\"tokenreviews\"],\"verbs\":[\"create\"]},"
    "{\"apiGroups\":[\"authorization.k8s.io\"],\"resources\":[\"subjectaccessreviews\"],\"verbs\":[\"create\"]}]}",
};

/* The next field of a line, with or without quotes. */
static const char *next_field(struct hf_arena *arena, const char **at)
{
    const char *from = *at;
    bool is_quoted = *from == '"';
    from += is_quoted;
    size_t len = strcspn(from, is_quoted ? "\"\n" : ",\n");
    const char *rest = from + len + (is_quoted && from[len] == '"');
    *at = *rest == ',' ? rest + 1 : rest;
    return hf_arena_copy(arena, from, len);
}

static const struct hf_value *read_groups(struct hf_arena *arena, const char *list)
{
    struct hf_value *groups = list ? hf_value_new(arena, HF_ARRAY) : NULL;
    while (groups && *list) {
        size_t len = strcspn(list, ",");
        const struct hf_value *group = hf_value_string(arena, (struct hf_slice){list, len});
        if (!group || hf_value_push(arena, groups, group) != 0) {
            return NULL;
        }
        list += len + (list[len] == ',');
    }
    const struct hf_value *all = groups ? hf_value_string(arena, hf_slice_of("system:authenticated")) : NULL;
    return all && hf_value_push(arena, groups, all) == 0 ? groups : NULL;
}

static int read_users(struct sim_users *users, const char *text, struct hf_error *err)
{
    size_t lines = 1;
    for (const char *at = text; *at; at++) {
        lines += *at == '\n';
    }
    users->list = hf_arena_array(users->arena, lines, sizeof *users->list);
    for (const char *at = text; users->list && *at;) {
        struct sim_user user = {0};
        user.token = next_field(users->arena, &at);
        user.name = next_field(users->arena, &at);
        user.uid = next_field(users->arena, &at);
        user.groups = read_groups(users->arena, next_field(users->arena, &at));
        if (!user.token || !user.name || !user.uid || !user.groups) {
            return hf_error_set(err, HF_ENOMEM, "no memory");
        }
        if (user.token[0] && user.name[0]) {
            users->list[users->count++] = user;
        }
        at += strcspn(at, "\n");
        at += *at == '\n';
    }
    return users->list ? 0 : hf_error_set(err, HF_ENOMEM, "no memory");
}

static int make_roles(struct sim *sim, struct hf_error *err)
{
    struct sim_collection *roles = sim_store_collection(&sim->store, "rbac.authorization.k8s.io", "v1", "clusterroles");
    for (size_t i = 0; i < sizeof ROLES / sizeof ROLES[0]; i++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        struct sim_work work = {.arena = arena};
        struct hf_value *role = arena ? sim_parse(arena, ROLES[i]) : NULL;
        if (!role || !sim_write_own(sim, &work, roles, role, "kube-apiserver")) {
            return hf_error_set(err, HF_EINTERNAL, "a ClusterRole can't be made: %s",
                                work.problem.message ? work.problem.message : "no memory");
        }
    }
    return 0;
}

int sim_users_open(struct sim *sim, const char *path, struct hf_error *err)
{
    hf_auto_buf struct hf_buf text = {0};
    sim->users.arena = hf_arena_new(0);
    if (!sim->users.arena) {
        return hf_error_set(err, HF_ENOMEM, "no memory");
    }
    if (hf_read_file(path, MOST_FILE, &text, err) != 0 || read_users(&sim->users, hf_buf_text(&text), err) != 0) {
        return -1;
    }
    return make_roles(sim, err);
}

void sim_users_close(struct sim *sim)
{
    hf_arena_free(sim->users.arena);
    sim->users = (struct sim_users){0};
}

static bool is_same(const char *token, const char *given)
{
    size_t len = strlen(token);
    unsigned difference = strlen(given) == len ? 0 : 1;
    for (size_t i = 0; i < len && difference == 0; i++) {
        difference |= (unsigned)(given[i] ^ token[i]);
    }
    return difference == 0;
}

static const struct sim_user *find(const struct sim *sim, const char *token)
{
    for (size_t i = 0; i < sim->users.count; i++) {
        if (is_same(sim->users.list[i].token, token)) {
            return &sim->users.list[i];
        }
    }
    return NULL;
}

/* kubectl sends no token over plain HTTP: unless one is required, only a wrong one is refused. */
bool sim_authenticate(const struct sim *sim, struct sim_request *request)
{
    static const char PREFIX[] = "Bearer ";
    const char *token = sim->options->token;
    request->user = NULL;
    if (!request->authorization[0] && !(token && sim->options->require_token)) {
        return true;
    }
    if (strncmp(request->authorization, PREFIX, sizeof PREFIX - 1) != 0) {
        return !token;
    }
    const char *given = request->authorization + sizeof PREFIX - 1;
    request->user = find(sim, given);
    return !token || request->user || is_same(token, given);
}

static bool asks_for_others(const struct hf_value *audiences)
{
    bool found = hf_value_count(audiences) == 0;
    for (size_t i = 0; i < hf_value_count(audiences); i++) {
        const char *one = hf_value_text(hf_value_at(audiences, i));
        found = found || (one && strcmp(one, AUDIENCE) == 0);
    }
    return !found;
}

int sim_token_review(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    struct hf_value *review;
    struct hf_arena *arena = request->work.arena;
    if (sim_read_body(request, false, &review) != 0) {
        return -1;
    }
    const struct hf_value *spec = hf_value_get(review, "spec");
    const char *token = sim_text(spec, "token");
    if (!token[0]) {
        return sim_fail(&request->work, 400, "BadRequest", "token is required for TokenReview in authentication");
    }
    const struct sim_user *user = asks_for_others(hf_value_get(spec, "audiences")) ? NULL : find(sim, token);
    struct hf_value *status =
        sim_parse(arena, user ? "{\"authenticated\":true,\"user\":{},\"audiences\":[\"" AUDIENCE "\"]}"
                              : "{\"user\":{},\"error\":\"[invalid bearer token]\"}");
    struct hf_value *who = sim_get(status, "user");
    if (!status || !who ||
        (user &&
         (sim_put_text(arena, who, "username", user->name) != 0 || sim_put_text(arena, who, "uid", user->uid) != 0 ||
          sim_put(arena, who, "groups", user->groups) != 0)) ||
        sim_put(arena, review, "status", status) != 0) {
        return sim_fail(&request->work, 500, "InternalError", "no memory");
    }
    hf_json_write(&response->body, review);
    response->status = 201;
    return 0;
}
