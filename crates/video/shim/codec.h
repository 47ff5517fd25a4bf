// What this crate asks of a C codec library. The same few calls stand in front of libvpx (vpx.c) and libaom (aom.c),
// so that Rust knows these structs only and not the libraries' own, which change with their versions.
#ifndef SIDETONE_CODEC_H
#define SIDETONE_CODEC_H

#include <stddef.h>
#include <stdint.h>

enum { CODEC_VP8 = 0, CODEC_VP9 = 1, CODEC_AV1 = 2 };
enum { HINT_MOTION = 0, HINT_DETAIL = 1, HINT_TEXT = 2 };
// Results besides 0.
enum { RESULT_INVALID = -1, RESULT_CORRUPT = -2, RESULT_MEMORY = -3, RESULT_LIMIT = -4, RESULT_FORMAT = -5 };

typedef struct {
  uint32_t codec;
  uint32_t width;
  uint32_t height;
  uint32_t kilobits;   // a second
  uint32_t millihertz; // frames in 1000 s
  uint32_t hint;
  uint32_t temporal_layers; // 1 to 3
  uint32_t effort;          // 0 least to 2 most
  uint32_t threads;
  uint32_t bt709;      // else BT.601
  uint32_t full_range; // else limited
} settings;

typedef struct {
  const uint8_t *planes[3];
  uint32_t strides[3];
  uint32_t width;
  uint32_t height;
  uint32_t bt709;
  uint32_t full_range;
} image;

typedef struct {
  const uint8_t *data; // valid until the next call on the encoder
  size_t size;         // 0: the frame was dropped
  int32_t key;
  int32_t quantizer;
} packet;

// Which buffers a frame reads and writes (bits: 1 last, 2 golden) and the layer it belongs to.
typedef struct {
  int32_t key;
  uint32_t temporal;
  uint32_t reads;
  uint32_t writes;
} frame;

// Ticks of pictures: 1/90000 s.
#define CODEC_FUNCTIONS(library)                                                                   \
  int library##_encoder_new(const settings *wanted, void **made);                                  \
  int library##_encoder_rate(void *encoder, const settings *wanted);                               \
  int library##_encode(void *encoder, const image *picture, int64_t ticks, const frame *how,       \
                       packet *out);                                                               \
  void library##_encoder_free(void *encoder);                                                      \
  int library##_decoder_new(uint32_t codec, uint32_t threads, uint32_t max_pixels, void **made);   \
  /* 1: `out` holds a picture until the next call; 0: none came out. */                            \
  int library##_decode(void *decoder, const uint8_t *data, size_t size, image *out);               \
  void library##_decoder_free(void *decoder);

#endif
