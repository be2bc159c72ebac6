/* Roles and their bindings: https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
#include <string.h>

#include "sim.h"
#include "users.h"

#define RBAC "rbac.authorization.k8s.io"

static bool has(const struct hf_value *list, const char *wanted)
{
    for (size_t i = 0; i < hf_value_count(list); i++) {
        const char *text = hf_value_text(hf_value_at(list, i));
        if (text && (strcmp(text, wanted) == 0 || strcmp(text, "*") == 0)) {
            return true;
        }
    }
    return false;
}

static bool names(const struct hf_value *list, const char *wanted)
{
    for (size_t i = 0; i < hf_value_count(list); i++) {
        const char *text = hf_value_text(hf_value_at(list, i));
        if (text && strcmp(text, wanted) == 0) {
            return true;
        }
    }
    return false;
}

static bool rule_allows(struct hf_arena *arena, const struct hf_value *rule, const struct sim_attributes *what)
{
    const struct hf_value *only = hf_value_get(rule, "resourceNames");
    const char *whole =
        hf_arena_printf(arena, "%s%s%s", what->resource, what->subresource[0] ? "/" : "", what->subresource);
    return whole && has(hf_value_get(rule, "verbs"), what->verb) && has(hf_value_get(rule, "apiGroups"), what->group) &&
           has(hf_value_get(rule, "resources"), whole) && (hf_value_count(only) == 0 || names(only, what->name));
}

static bool role_allows(const struct sim *sim, struct hf_arena *arena, const struct hf_value *ref, const char *space,
                        const struct sim_attributes *what)
{
    bool is_cluster = strcmp(sim_text(ref, "kind"), "ClusterRole") == 0;
    const struct sim_collection *roles =
        sim_store_collection(&sim->store, RBAC, "v1", is_cluster ? "clusterroles" : "roles");
    const struct sim_object *role = sim_store_get(roles, is_cluster ? "" : space, sim_text(ref, "name"));
    const struct hf_value *rules = role ? hf_value_get(role->value, "rules") : NULL;
    for (size_t i = 0; i < hf_value_count(rules); i++) {
        if (rule_allows(arena, hf_value_at(rules, i), what)) {
            return true;
        }
    }
    return false;
}

static bool is_subject(struct hf_arena *arena, const struct hf_value *subject, const char *user,
                       const struct hf_value *groups)
{
    const char *kind = sim_text(subject, "kind");
    const char *name = sim_text(subject, "name");
    if (strcmp(kind, "User") == 0) {
        return strcmp(name, user) == 0;
    }
    if (strcmp(kind, "Group") == 0) {
        return names(groups, name);
    }
    const char *account = hf_arena_printf(arena, "system:serviceaccount:%s:%s", sim_text(subject, "namespace"), name);
    return account && strcmp(account, user) == 0;
}

/* space NULL: the bindings of the whole cluster. */
static const char *find_binding(const struct sim *sim, struct hf_arena *arena, const char *user,
                                const struct hf_value *groups, const char *space, const struct sim_attributes *what)
{
    const char *plural = space ? "rolebindings" : "clusterrolebindings";
    const struct sim_collection *bindings = sim_store_collection(&sim->store, RBAC, "v1", plural);
    for (size_t i = 0; bindings && i < bindings->count; i++) {
        const struct sim_object *binding = bindings->items[i];
        const struct hf_value *subjects = hf_value_get(binding->value, "subjects");
        if (space && strcmp(binding->space, space) != 0) {
            continue;
        }
        for (size_t j = 0; j < hf_value_count(subjects); j++) {
            if (is_subject(arena, hf_value_at(subjects, j), user, groups) &&
                role_allows(sim, arena, hf_value_get(binding->value, "roleRef"), binding->space, what)) {
                return binding->name;
            }
        }
    }
    return NULL;
}

bool sim_rbac_allows(const struct sim *sim, struct hf_arena *arena, const char *user, const struct hf_value *groups,
                     const struct sim_attributes *what, const char **why)
{
    const char *binding = names(groups, "system:masters") ? "cluster-admin" : NULL;
    binding = binding ? binding : find_binding(sim, arena, user, groups, NULL, what);
    if (!binding && what->space[0]) {
        binding = find_binding(sim, arena, user, groups, what->space, what);
    }
    if (binding && why) {
        *why = hf_arena_printf(arena, "RBAC: allowed by \"%s\"", binding);
    }
    return binding != NULL;
}

static const char *verb_of(const struct sim_request *request)
{
    const char *method = request->method;
    const char *watch = sim_parameter(request, "watch");
    if (strcmp(method, "GET") == 0) {
        return request->name[0]                                                     ? "get"
               : watch[0] && strcmp(watch, "false") != 0 && strcmp(watch, "0") != 0 ? "watch"
                                                                                    : "list";
    }
    if (strcmp(method, "DELETE") == 0) {
        return request->name[0] ? "delete" : "deletecollection";
    }
    return strcmp(method, "POST") == 0 ? "create" : strcmp(method, "PATCH") == 0 ? "patch" : "update";
}

int sim_authorize(const struct sim *sim, struct sim_request *request, const char *group, const char *resource)
{
    struct sim_attributes what = {verb_of(request),     group,          resource,
                                  request->subresource, request->space, request->name};
    const struct sim_user *user = request->user;
    /* A namespace is in itself, for this: a Role there may name it. */
    if (strcmp(resource, "namespaces") == 0 && group[0] == '\0') {
        what.space = request->name;
    }
    if (!user || sim_rbac_allows(sim, request->work.arena, user->name, user->groups, &what, NULL)) {
        return 0;
    }
    const char *where =
        what.space[0] ? sim_printf(&request->work, "in the namespace \"%s\"", what.space) : "at the cluster scope";
    return sim_fail(&request->work, 403, "Forbidden",
                    "%s%s%s%s is forbidden: User \"%s\" cannot %s resource \"%s%s%s\" in API group \"%s\" %s", resource,
                    group[0] ? "." : "", group,
                    request->name[0] ? sim_printf(&request->work, " \"%s\"", request->name) : "", user->name, what.verb,
                    resource, what.subresource[0] ? "/" : "", what.subresource, group, where);
}

int sim_access_review(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    struct hf_value *review;
    struct hf_arena *arena = request->work.arena;
    if (sim_read_body(request, false, &review) != 0) {
        return -1;
    }
    const struct hf_value *spec = hf_value_get(review, "spec");
    const struct hf_value *asked = hf_value_get(spec, "resourceAttributes");
    struct sim_attributes what = {sim_text(asked, "verb"),      sim_text(asked, "group"),
                                  sim_text(asked, "resource"),  sim_text(asked, "subresource"),
                                  sim_text(asked, "namespace"), sim_text(asked, "name")};
    if (!asked || (!sim_text(spec, "user")[0] && hf_value_count(hf_value_get(spec, "groups")) == 0)) {
        return sim_fail(&request->work, 422, "Invalid",
                        "SubjectAccessReview.authorization.k8s.io \"\" is invalid: expected resourceAttributes, and a "
                        "user or groups");
    }
    const char *why = NULL;
    bool allowed = sim_rbac_allows(sim, arena, sim_text(spec, "user"), hf_value_get(spec, "groups"), &what, &why);
    struct hf_value *status = sim_parse(arena, allowed ? "{\"allowed\":true}" : "{\"allowed\":false}");
    if (!status || (why && sim_put_text(arena, status, "reason", why) != 0) ||
        sim_put(arena, review, "status", status) != 0) {
        return sim_fail(&request->work, 500, "InternalError", "no memory");
    }
    hf_json_write(&response->body, review);
    response->status = 201;
    return 0;
}
