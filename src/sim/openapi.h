/* /openapi/v2, as JSON and as the protobuf that kubectl reads; /openapi/v3. */
#ifndef SIM_OPENAPI_H
#define SIM_OPENAPI_H

#include "request.h"

int sim_openapi(struct sim *sim, struct sim_request *request, struct sim_response *response);

/* Adds the path of a kind with its PATCH to a document's paths. */
int sim_openapi_patch(struct hf_arena *arena, struct hf_value *paths, const struct sim_kind *kind);

/* openapi_v3.c: the index, and the documents below it. */
int sim_openapi_v3(struct sim *sim, struct sim_request *request, struct sim_response *response);

/* openapi_proto.c: appends an OpenAPI v2 document as gnostic's openapi.v2.Document. */
void sim_openapi_proto(struct hf_buf *out, const struct hf_value *document);

#endif
