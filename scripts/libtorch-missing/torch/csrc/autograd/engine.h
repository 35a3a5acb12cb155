/* Found in place of libtorch's own header when there is no libtorch; see .cargo/config.toml. */
#error "libtorch is not installed: run scripts/setup-libtorch once, then build again (or set LIBTORCH to the folder of a libtorch that has include/ and lib/)"
/* A file that cannot be there stops the compiler, before hundreds of errors that follow from the one above. */
#include "libtorch: run scripts/setup-libtorch"
