#include "holdfast/sim.h"

int main(int argc, char **argv)
{
    return hf_sim_main(argc, argv);
}
