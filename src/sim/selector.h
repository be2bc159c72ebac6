/* labelSelector and fieldSelector. */
#ifndef SIM_SELECTOR_H
#define SIM_SELECTOR_H

#include "work.h"

enum sim_operator { SELECT_IN, SELECT_NOT_IN, SELECT_EXISTS, SELECT_NOT_EXISTS };

struct sim_requirement {
    enum sim_operator operator;
    struct hf_slice key;
    struct hf_slice *values;
    size_t value_count;
};

struct sim_selector {
    struct sim_requirement *labels;
    size_t label_count;
    struct sim_requirement *fields;
    size_t field_count;
};

/* Both may be "". 400 for what can't be read or a field that is not supported: metadata.name and metadata.namespace
 * are, in each kind; of Pods also spec.nodeName and status.phase, of Secrets type, of Events involvedObject and reason.
 */
int sim_selector_read(struct sim_work *work, const char *kind, const char *labels, const char *fields,
                      struct sim_selector *out);
bool sim_selector_matches(const struct sim_selector *selector, const struct hf_value *object);

#endif
