/* Functions whose misuse is easier than their use. Forced into every file by the Makefile
 * (-include); use base/str.h and base/buf.h in their place. */
#ifndef REMPART_BANNED_H
#define REMPART_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With clang, the fortified headers make a macro of it. */
#undef sprintf

#pragma GCC poison strcpy strcat sprintf vsprintf sscanf atoi atol atof strtok gets strncat
#endif
