/* Found in place of libtorch's own header when there is no libtorch; see .cargo/config.toml. */
#include "csrc/autograd/engine.h"
