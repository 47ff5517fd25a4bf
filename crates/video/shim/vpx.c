// VP8 and VP9 by libvpx.
#include "codec.h"

#include <stdlib.h>
#include <string.h>
#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vpx_encoder.h>

CODEC_FUNCTIONS(sidetone_vpx)

typedef struct {
  vpx_codec_ctx_t context;
  vpx_codec_enc_cfg_t config;
  settings wanted;
} encoder;

static int result(vpx_codec_err_t error) {
  switch (error) {
    case VPX_CODEC_OK: return 0;
    case VPX_CODEC_MEM_ERROR: return RESULT_MEMORY;
    case VPX_CODEC_CORRUPT_FRAME:
    case VPX_CODEC_UNSUP_BITSTREAM:
    case VPX_CODEC_UNSUP_FEATURE: return RESULT_CORRUPT;
    default: return RESULT_INVALID;
  }
}

// Bit rates of temporal layers are cumulative: a layer with those below it.
static void set_rates(encoder *self) {
  static const unsigned share[4][3] = {{100, 0, 0}, {100, 0, 0}, {60, 100, 0}, {50, 70, 100}};
  vpx_codec_enc_cfg_t *config = &self->config;
  unsigned layers = self->wanted.temporal_layers;
  config->rc_target_bitrate = self->wanted.kilobits;
  config->ts_number_layers = layers;
  for (unsigned layer = 0; layer < layers; layer++) {
    unsigned rate = (unsigned)((uint64_t)self->wanted.kilobits * share[layers][layer] / 100);
    config->ts_target_bitrate[layer] = rate;
    config->layer_target_bitrate[layer] = rate;
    config->ts_rate_decimator[layer] = 1u << (layers - 1 - layer);
  }
  config->ss_target_bitrate[0] = self->wanted.kilobits;
}

// How large a key frame may be, in percent of what one frame has: what the link carries in `milliseconds`.
static unsigned intra_percent(const settings *wanted, unsigned milliseconds) {
  unsigned percent = (unsigned)((uint64_t)wanted->millihertz * milliseconds / 10000);
  return percent < 300 ? 300 : percent;
}

#define CONTROL(id, value)                                                   \
  if (error == VPX_CODEC_OK) error = vpx_codec_control(context, id, value);

// What may change while frames are coded.
static vpx_codec_err_t set_changing(encoder *self) {
  static const int vp8[3] = {-12, -8, -6}, vp9[3] = {9, 8, 7};
  const settings *wanted = &self->wanted;
  vpx_codec_ctx_t *context = &self->context;
  int speed = wanted->codec == CODEC_VP8 ? vp8[wanted->effort] : vp9[wanted->effort];
  vpx_codec_err_t error = VPX_CODEC_OK;
  CONTROL(VP8E_SET_MAX_INTRA_BITRATE_PCT, intra_percent(wanted, wanted->hint != HINT_MOTION ? 300 : 200))
  CONTROL(VP8E_SET_CPUUSED, speed)
  if (wanted->codec == CODEC_VP9 && wanted->temporal_layers > 1) {
    vpx_svc_extra_cfg_t layers;
    memset(&layers, 0, sizeof layers);
    for (unsigned layer = 0; layer < wanted->temporal_layers; layer++) {
      layers.max_quantizers[layer] = (int)self->config.rc_max_quantizer;
      layers.min_quantizers[layer] = (int)self->config.rc_min_quantizer;
      layers.speed_per_layer[layer] = speed;
    }
    layers.scaling_factor_num[0] = 1;
    layers.scaling_factor_den[0] = 1;
    CONTROL(VP9E_SET_SVC_PARAMETERS, &layers)
  }
  return error;
}

static vpx_codec_err_t set_controls(encoder *self) {
  const settings *wanted = &self->wanted;
  vpx_codec_ctx_t *context = &self->context;
  int screen = wanted->hint != HINT_MOTION;
  vpx_codec_err_t error = VPX_CODEC_OK;
  if (wanted->codec == CODEC_VP8) {
    CONTROL(VP8E_SET_STATIC_THRESHOLD, screen ? 100u : 1u)
    CONTROL(VP8E_SET_SCREEN_CONTENT_MODE, screen ? 1u : 0u)
    CONTROL(VP8E_SET_TOKEN_PARTITIONS, VP8_ONE_TOKENPARTITION)
  } else {
    CONTROL(VP9E_SET_AQ_MODE, 3u)
    CONTROL(VP9E_SET_TUNE_CONTENT, screen ? VP9E_CONTENT_SCREEN : VP9E_CONTENT_DEFAULT)
    CONTROL(VP9E_SET_ROW_MT, wanted->threads > 1 ? 1u : 0u)
    CONTROL(VP9E_SET_TILE_COLUMNS, wanted->threads > 2 ? 2 : (int)wanted->threads - 1)
    CONTROL(VP9E_SET_FRAME_PARALLEL_DECODING, 0u)
    CONTROL(VP9E_SET_NOISE_SENSITIVITY, 0u)
    CONTROL(VP9E_SET_COLOR_SPACE, wanted->bt709 ? VPX_CS_BT_709 : VPX_CS_BT_601)
    CONTROL(VP9E_SET_COLOR_RANGE, wanted->full_range ? VPX_CR_FULL_RANGE : VPX_CR_STUDIO_RANGE)
    if (wanted->temporal_layers > 1) {
      CONTROL(VP9E_SET_SVC, 1)
    }
  }
  return error == VPX_CODEC_OK ? set_changing(self) : error;
}
#undef CONTROL

int sidetone_vpx_encoder_new(const settings *wanted, void **made) {
  vpx_codec_iface_t *interface = wanted->codec == CODEC_VP8 ? vpx_codec_vp8_cx() : vpx_codec_vp9_cx();
  encoder *self = calloc(1, sizeof *self);
  if (!self) return RESULT_MEMORY;
  self->wanted = *wanted;
  vpx_codec_enc_cfg_t *config = &self->config;
  vpx_codec_err_t error = vpx_codec_enc_config_default(interface, config, 0);
  if (error != VPX_CODEC_OK) {
    free(self);
    return result(error);
  }
  int screen = wanted->hint != HINT_MOTION;
  config->g_w = wanted->width;
  config->g_h = wanted->height;
  config->g_timebase.num = 1;
  config->g_timebase.den = 90000;
  config->g_threads = wanted->threads;
  config->g_pass = VPX_RC_ONE_PASS;
  config->g_lag_in_frames = 0;
  // Also keeps a frame from leaning on the motion of one that a receiver may not get.
  config->g_error_resilient = wanted->temporal_layers > 1 ? VPX_ERROR_RESILIENT_DEFAULT : 0;
  config->rc_end_usage = VPX_CBR;
  config->rc_dropframe_thresh = 30;
  config->rc_resize_allowed = 0;
  config->rc_min_quantizer = 2;
  config->rc_max_quantizer = screen ? 52 : 56;
  config->rc_undershoot_pct = wanted->codec == CODEC_VP8 ? 100 : 50;
  config->rc_overshoot_pct = wanted->codec == CODEC_VP8 ? 15 : 50;
  config->rc_buf_sz = 1000;
  config->rc_buf_initial_sz = 500;
  config->rc_buf_optimal_sz = 600;
  config->kf_mode = VPX_KF_DISABLED;
  config->ss_number_layers = 1;
  // The pattern is the caller's; these say which layer a position belongs to.
  static const unsigned pattern[4][4] = {{0}, {0, 0, 0, 0}, {0, 1, 0, 1}, {0, 2, 1, 2}};
  config->ts_periodicity = 1u << (wanted->temporal_layers - 1);
  memcpy(config->ts_layer_id, pattern[wanted->temporal_layers], sizeof pattern[0]);
  config->temporal_layering_mode = wanted->temporal_layers > 1 ? VP9E_TEMPORAL_LAYERING_MODE_BYPASS
                                                               : VP9E_TEMPORAL_LAYERING_MODE_NOLAYERING;
  set_rates(self);
  error = vpx_codec_enc_init(&self->context, interface, config, 0);
  if (error == VPX_CODEC_OK) {
    error = set_controls(self);
    if (error != VPX_CODEC_OK) vpx_codec_destroy(&self->context);
  }
  if (error != VPX_CODEC_OK) {
    free(self);
    return result(error);
  }
  *made = self;
  return 0;
}

int sidetone_vpx_encoder_rate(void *handle, const settings *wanted) {
  encoder *self = handle;
  self->wanted.kilobits = wanted->kilobits;
  self->wanted.millihertz = wanted->millihertz;
  self->wanted.effort = wanted->effort;
  set_rates(self);
  vpx_codec_err_t error = vpx_codec_enc_config_set(&self->context, &self->config);
  return result(error == VPX_CODEC_OK ? set_changing(self) : error);
}

int sidetone_vpx_encode(void *handle, const image *picture, int64_t ticks, const frame *how, packet *out) {
  encoder *self = handle;
  vpx_image_t raw;
  memset(out, 0, sizeof *out);
  if (!vpx_img_wrap(&raw, VPX_IMG_FMT_I420, picture->width, picture->height, 1, (unsigned char *)picture->planes[0]))
    return RESULT_INVALID;
  for (int plane = 0; plane < 3; plane++) {
    raw.planes[plane] = (unsigned char *)picture->planes[plane];
    raw.stride[plane] = (int)picture->strides[plane];
  }
  vpx_enc_frame_flags_t flags = how->key ? VPX_EFLAG_FORCE_KF : 0;
  if (self->wanted.temporal_layers > 1) {
    if (self->wanted.codec == CODEC_VP8) {
      vpx_codec_err_t error = vpx_codec_control(&self->context, VP8E_SET_TEMPORAL_LAYER_ID, (int)how->temporal);
      if (error != VPX_CODEC_OK) return result(error);
    } else {
      vpx_svc_layer_id_t layer;
      memset(&layer, 0, sizeof layer);
      layer.temporal_layer_id = (int)how->temporal;
      layer.temporal_layer_id_per_spatial[0] = (int)how->temporal;
      vpx_codec_err_t error = vpx_codec_control(&self->context, VP9E_SET_SVC_LAYER_ID, &layer);
      if (error != VPX_CODEC_OK) return result(error);
    }
    if (!how->key) {
      flags |= VP8_EFLAG_NO_REF_ARF | VP8_EFLAG_NO_UPD_ARF;
      if (!(how->reads & 1)) flags |= VP8_EFLAG_NO_REF_LAST;
      if (!(how->reads & 2)) flags |= VP8_EFLAG_NO_REF_GF;
      if (!(how->writes & 1)) flags |= VP8_EFLAG_NO_UPD_LAST;
      if (!(how->writes & 2)) flags |= VP8_EFLAG_NO_UPD_GF;
      if (how->temporal > 0) flags |= VP8_EFLAG_NO_UPD_ENTROPY;
    }
  }
  uint32_t rate = self->wanted.millihertz;
  unsigned long duration = (unsigned long)(90000000ull / (rate ? rate : 1));
  vpx_codec_err_t error =
      vpx_codec_encode(&self->context, &raw, ticks, duration ? duration : 1, flags, VPX_DL_REALTIME);
  if (error != VPX_CODEC_OK) return result(error);
  vpx_codec_iter_t iterator = NULL;
  const vpx_codec_cx_pkt_t *found;
  while ((found = vpx_codec_get_cx_data(&self->context, &iterator))) {
    if (found->kind != VPX_CODEC_CX_FRAME_PKT) continue;
    out->data = found->data.frame.buf;
    out->size = found->data.frame.sz;
    out->key = (found->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
  }
  int quantizer = 0;
  if (out->size && vpx_codec_control(&self->context, VP8E_GET_LAST_QUANTIZER, &quantizer) == VPX_CODEC_OK)
    out->quantizer = quantizer;
  return 0;
}

void sidetone_vpx_encoder_free(void *handle) {
  encoder *self = handle;
  vpx_codec_destroy(&self->context);
  free(self);
}

// Frame buffers of a decoder are ours, so that a hostile frame cannot ask for more than the limit.
#define BUFFERS 24

typedef struct {
  uint8_t *data;
  size_t size;
  int used;
} buffer;

typedef struct {
  vpx_codec_ctx_t context;
  uint32_t codec;
  uint32_t max_pixels;
  int over_limit;
  buffer buffers[BUFFERS];
} decoder;

static int get_buffer(void *handle, size_t needed, vpx_codec_frame_buffer_t *out) {
  decoder *self = handle;
  // Twelve bits a pixel and borders of 160 on all sides; twice that for other chroma, refused later.
  if (needed > (size_t)self->max_pixels * 4 + ((size_t)8 << 20)) {
    self->over_limit = 1;
    return -1;
  }
  buffer *best = NULL;
  for (int index = 0; index < BUFFERS; index++) {
    buffer *one = &self->buffers[index];
    if (!one->used && (!best || (best->size < needed && one->size >= needed))) best = one;
  }
  if (!best) return -1;
  if (best->size < needed) {
    free(best->data);
    best->size = 0;
    best->data = calloc(1, needed);
    if (!best->data) return -1;
    best->size = needed;
  }
  best->used = 1;
  out->data = best->data;
  out->size = best->size;
  out->priv = best;
  return 0;
}

static int release_buffer(void *handle, vpx_codec_frame_buffer_t *given) {
  (void)handle;
  if (given->priv) ((buffer *)given->priv)->used = 0;
  return 0;
}

int sidetone_vpx_decoder_new(uint32_t codec, uint32_t threads, uint32_t max_pixels, void **made) {
  decoder *self = calloc(1, sizeof *self);
  if (!self) return RESULT_MEMORY;
  self->codec = codec;
  self->max_pixels = max_pixels;
  vpx_codec_dec_cfg_t config = {threads, 0, 0};
  vpx_codec_iface_t *interface = codec == CODEC_VP8 ? vpx_codec_vp8_dx() : vpx_codec_vp9_dx();
  vpx_codec_err_t error = vpx_codec_dec_init(&self->context, interface, &config, 0);
  if (error == VPX_CODEC_OK && codec == CODEC_VP9) {
    error = vpx_codec_set_frame_buffer_functions(&self->context, get_buffer, release_buffer, self);
    if (error != VPX_CODEC_OK) vpx_codec_destroy(&self->context);
  }
  if (error != VPX_CODEC_OK) {
    free(self);
    return result(error);
  }
  *made = self;
  return 0;
}

int sidetone_vpx_decode(void *handle, const uint8_t *data, size_t size, image *out) {
  decoder *self = handle;
  if (!data || size == 0 || size > UINT32_MAX / 2) return RESULT_CORRUPT;
  vpx_codec_stream_info_t info;
  memset(&info, 0, sizeof info);
  info.sz = sizeof info;
  // Fails for what is not a key frame of VP8, which then brings no size along either.
  vpx_codec_iface_t *interface = self->codec == CODEC_VP8 ? vpx_codec_vp8_dx() : vpx_codec_vp9_dx();
  if (vpx_codec_peek_stream_info(interface, data, (unsigned)size, &info) == VPX_CODEC_OK &&
      (uint64_t)info.w * info.h > self->max_pixels)
    return RESULT_LIMIT;
  self->over_limit = 0;
  vpx_codec_err_t error = vpx_codec_decode(&self->context, data, (unsigned)size, NULL, 0);
  // Take out what there is, also after a failure: else it would wait for the next call.
  const vpx_image_t *found = NULL, *next;
  vpx_codec_iter_t iterator = NULL;
  while ((next = vpx_codec_get_frame(&self->context, &iterator))) found = next;
  if (self->over_limit) return RESULT_LIMIT;
  // Also where it speaks of memory: it says so of empty partitions, too.
  if (error != VPX_CODEC_OK) return RESULT_CORRUPT;
  int corrupted = 0;
  if (vpx_codec_control(&self->context, VP8D_GET_FRAME_CORRUPTED, &corrupted) == VPX_CODEC_OK && corrupted)
    return RESULT_CORRUPT;
  if (!found) return 0;
  if (found->fmt != VPX_IMG_FMT_I420 || found->bit_depth > 8) return RESULT_FORMAT;
  if ((uint64_t)found->d_w * found->d_h > self->max_pixels) return RESULT_LIMIT;
  for (int plane = 0; plane < 3; plane++) {
    if (found->stride[plane] <= 0) return RESULT_FORMAT;
    out->planes[plane] = found->planes[plane];
    out->strides[plane] = (uint32_t)found->stride[plane];
  }
  out->width = found->d_w;
  out->height = found->d_h;
  out->bt709 = found->cs == VPX_CS_BT_709;
  out->full_range = found->range == VPX_CR_FULL_RANGE;
  return 1;
}

void sidetone_vpx_decoder_free(void *handle) {
  decoder *self = handle;
  vpx_codec_destroy(&self->context);
  for (int index = 0; index < BUFFERS; index++) free(self->buffers[index].data);
  free(self);
}
