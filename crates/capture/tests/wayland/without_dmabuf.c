/* Version 0.7.0 of xdg-desktop-portal-wlr, which Debian 12 has, gives no screen of a compositor that does not offer
 * memory of a graphics card beside plain memory, although it would take the plain one: start_screencast() fails without
 * a format for both. Here is no graphics card. So, preloaded into it, this tells its listener of a screen's pictures of
 * such memory, which it then never asks for. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

/* The event's place in the listener, and a format: XRGB8888. Of protocol wlr-screencopy-unstable-v1. */
enum { LINUX_DMABUF = 5, FORMAT = 0x34325258 };

struct wl_proxy;
const char *wl_proxy_get_class(struct wl_proxy *proxy);

typedef void (*event)(void);
typedef void (*offer)(void *data, struct wl_proxy *frame, uint32_t format, uint32_t width, uint32_t height);

int wl_proxy_add_listener(struct wl_proxy *proxy, event *events, void *data) {
    int (*add)(struct wl_proxy *, event *, void *) = dlsym(RTLD_NEXT, "wl_proxy_add_listener");
    int added = add(proxy, events, data);
    if (added == 0 && strcmp(wl_proxy_get_class(proxy), "zwlr_screencopy_frame_v1") == 0)
        ((offer)events[LINUX_DMABUF])(data, proxy, FORMAT, 1, 1);
    return added;
}
