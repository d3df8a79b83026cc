# For tests (common/fail_point.h): a moment "#fail_point NAME" of the runner becomes a look for the file ~/.fail_points/NAME,
# which is renamed to NAME.hit and run as shell code. Otherwise the moments are comments, and go with them.
s|^\( *\)#fail_point \(.*\)$|\1if mv "$HOME/.fail_points/\2" "$HOME/.fail_points/\2.hit" 2> /dev/null; then\
\1  . "$HOME/.fail_points/\2.hit"; fi|
