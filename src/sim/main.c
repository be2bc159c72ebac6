#include <string.h>

#include "holdfast/hub.h"
#include "holdfast/sim.h"

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "hub") == 0) {
        return hf_hub_main(argc - 1, argv + 1);
    }
    return hf_sim_main(argc, argv);
}
