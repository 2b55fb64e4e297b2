/* The version, in the one object that is made anew when it changes (Makefile, version.stamp). For every program's --version and for
 * the admin API. */
#include "base/version.h"

const char rempart_version[] = REMPART_VERSION;
