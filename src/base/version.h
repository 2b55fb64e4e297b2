/* Which build this is: what `git describe` said when it was made. */
#ifndef REMPART_VERSION_H
#define REMPART_VERSION_H

extern const char rempart_version[];

#endif
