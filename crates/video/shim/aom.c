// AV1 by libaom.
#include "codec.h"

#include <aom/aom_decoder.h>
#include <aom/aom_encoder.h>
#include <aom/aomcx.h>
#include <aom/aomdx.h>
#include <stdlib.h>
#include <string.h>

CODEC_FUNCTIONS(sidetone_aom)

typedef struct {
  aom_codec_ctx_t context;
  aom_codec_enc_cfg_t config;
  settings wanted;
} encoder;

static int result(aom_codec_err_t error) {
  switch (error) {
    case AOM_CODEC_OK: return 0;
    case AOM_CODEC_MEM_ERROR: return RESULT_MEMORY;
    case AOM_CODEC_CORRUPT_FRAME:
    case AOM_CODEC_UNSUP_BITSTREAM:
    case AOM_CODEC_UNSUP_FEATURE: return RESULT_CORRUPT;
    default: return RESULT_INVALID;
  }
}

// Layers of a pattern with `layers` temporal ones; bit rates are cumulative.
static aom_codec_err_t set_layers(encoder *self) {
  static const int share[4][3] = {{100, 0, 0}, {100, 0, 0}, {60, 100, 0}, {50, 70, 100}};
  unsigned layers = self->wanted.temporal_layers;
  if (layers < 2) return AOM_CODEC_OK;
  aom_svc_params_t params;
  memset(&params, 0, sizeof params);
  params.number_spatial_layers = 1;
  params.number_temporal_layers = (int)layers;
  params.scaling_factor_num[0] = 1;
  params.scaling_factor_den[0] = 1;
  for (unsigned layer = 0; layer < layers; layer++) {
    params.max_quantizers[layer] = (int)self->config.rc_max_quantizer;
    params.min_quantizers[layer] = (int)self->config.rc_min_quantizer;
    params.layer_target_bitrate[layer] = (int)((uint64_t)self->wanted.kilobits * share[layers][layer] / 100);
    params.framerate_factor[layer] = 1 << (layers - 1 - layer);
  }
  return aom_codec_control(&self->context, AV1E_SET_SVC_PARAMS, &params);
}

// How large a key frame may be, in percent of what one frame has: what the link carries in `milliseconds`.
static unsigned intra_percent(const settings *wanted, unsigned milliseconds) {
  unsigned percent = (unsigned)((uint64_t)wanted->millihertz * milliseconds / 10000);
  return percent < 300 ? 300 : percent;
}

static const int speed[3] = {11, 10, 9};

static aom_codec_err_t set_controls(encoder *self) {
  const settings *wanted = &self->wanted;
  aom_codec_ctx_t *context = &self->context;
  int screen = wanted->hint != HINT_MOTION;
  aom_codec_err_t error = AOM_CODEC_OK;
#define CONTROL(id, value)                                                   \
  if (error == AOM_CODEC_OK) error = aom_codec_control(context, id, value);
  CONTROL(AOME_SET_CPUUSED, speed[wanted->effort])
  CONTROL(AOME_SET_MAX_INTRA_BITRATE_PCT, intra_percent(wanted, screen ? 300 : 200))
  CONTROL(AV1E_SET_TUNE_CONTENT, screen ? AOM_CONTENT_SCREEN : AOM_CONTENT_DEFAULT)
  CONTROL(AV1E_SET_ENABLE_PALETTE, screen)
  CONTROL(AV1E_SET_ENABLE_INTRABC, 0)
  CONTROL(AV1E_SET_AQ_MODE, 3)
  CONTROL(AV1E_SET_MATRIX_COEFFICIENTS, wanted->bt709 ? AOM_CICP_MC_BT_709 : AOM_CICP_MC_BT_601)
  CONTROL(AV1E_SET_COLOR_RANGE, wanted->full_range ? AOM_CR_FULL_RANGE : AOM_CR_STUDIO_RANGE)
  CONTROL(AV1E_SET_ROW_MT, wanted->threads > 1)
  CONTROL(AV1E_SET_TILE_COLUMNS, wanted->threads > 2 ? 2 : (int)wanted->threads - 1)
  CONTROL(AV1E_SET_CDF_UPDATE_MODE, 1)
  CONTROL(AV1E_SET_COEFF_COST_UPD_FREQ, 3)
  CONTROL(AV1E_SET_MODE_COST_UPD_FREQ, 3)
  CONTROL(AV1E_SET_MV_COST_UPD_FREQ, 3)
  CONTROL(AV1E_SET_DELTAQ_MODE, 0)
  CONTROL(AV1E_SET_ENABLE_ORDER_HINT, 0)
  CONTROL(AV1E_SET_ENABLE_TPL_MODEL, 0)
  CONTROL(AV1E_SET_ENABLE_GLOBAL_MOTION, 0)
  CONTROL(AV1E_SET_ENABLE_WARPED_MOTION, 0)
  CONTROL(AV1E_SET_ENABLE_OBMC, 0)
  CONTROL(AV1E_SET_ENABLE_REF_FRAME_MVS, 0)
  CONTROL(AV1E_SET_ENABLE_CFL_INTRA, 0)
  CONTROL(AV1E_SET_ENABLE_SMOOTH_INTRA, 0)
  CONTROL(AV1E_SET_ENABLE_ANGLE_DELTA, 0)
  CONTROL(AV1E_SET_ENABLE_FILTER_INTRA, 0)
  CONTROL(AV1E_SET_INTRA_DEFAULT_TX_ONLY, 1)
  CONTROL(AV1E_SET_DISABLE_TRELLIS_QUANT, 1)
  CONTROL(AV1E_SET_ENABLE_DIST_WTD_COMP, 0)
  CONTROL(AV1E_SET_ENABLE_DIFF_WTD_COMP, 0)
  CONTROL(AV1E_SET_ENABLE_DUAL_FILTER, 0)
  CONTROL(AV1E_SET_ENABLE_INTERINTRA_COMP, 0)
  CONTROL(AV1E_SET_ENABLE_INTERINTER_WEDGE, 0)
  CONTROL(AV1E_SET_ENABLE_INTRA_EDGE_FILTER, 0)
  CONTROL(AV1E_SET_ENABLE_MASKED_COMP, 0)
  CONTROL(AV1E_SET_ENABLE_PAETH_INTRA, 0)
  CONTROL(AV1E_SET_ENABLE_QM, 0)
  CONTROL(AV1E_SET_ENABLE_RECT_PARTITIONS, 0)
  CONTROL(AV1E_SET_ENABLE_RESTORATION, 0)
  CONTROL(AV1E_SET_ENABLE_TX64, 0)
  CONTROL(AV1E_SET_MAX_REFERENCE_FRAMES, 3)
#undef CONTROL
  if (error == AOM_CODEC_OK) error = set_layers(self);
  return error;
}

int sidetone_aom_encoder_new(const settings *wanted, void **made) {
  aom_codec_iface_t *interface = aom_codec_av1_cx();
  encoder *self = calloc(1, sizeof *self);
  if (!self) return RESULT_MEMORY;
  self->wanted = *wanted;
  aom_codec_enc_cfg_t *config = &self->config;
  aom_codec_err_t error = aom_codec_enc_config_default(interface, config, AOM_USAGE_REALTIME);
  if (error != AOM_CODEC_OK) {
    free(self);
    return result(error);
  }
  config->g_w = wanted->width;
  config->g_h = wanted->height;
  config->g_timebase.num = 1;
  config->g_timebase.den = 90000;
  config->g_threads = wanted->threads;
  config->g_pass = AOM_RC_ONE_PASS;
  config->g_lag_in_frames = 0;
  config->g_error_resilient = 0;
  config->rc_end_usage = AOM_CBR;
  config->rc_target_bitrate = wanted->kilobits;
  config->rc_dropframe_thresh = 30;
  config->rc_min_quantizer = 2;
  config->rc_max_quantizer = 56;
  config->rc_undershoot_pct = 50;
  config->rc_overshoot_pct = 50;
  config->rc_buf_sz = 1000;
  config->rc_buf_initial_sz = 500;
  config->rc_buf_optimal_sz = 600;
  config->kf_mode = AOM_KF_DISABLED;
  error = aom_codec_enc_init(&self->context, interface, config, 0);
  if (error == AOM_CODEC_OK) {
    error = set_controls(self);
    if (error != AOM_CODEC_OK) aom_codec_destroy(&self->context);
  }
  if (error != AOM_CODEC_OK) {
    free(self);
    return result(error);
  }
  *made = self;
  return 0;
}

int sidetone_aom_encoder_rate(void *handle, const settings *wanted) {
  encoder *self = handle;
  self->wanted.kilobits = wanted->kilobits;
  self->wanted.millihertz = wanted->millihertz;
  self->wanted.effort = wanted->effort;
  self->config.rc_target_bitrate = wanted->kilobits;
  aom_codec_err_t error = aom_codec_enc_config_set(&self->context, &self->config);
  if (error == AOM_CODEC_OK) {
    unsigned percent = intra_percent(wanted, wanted->hint != HINT_MOTION ? 300 : 200);
    error = aom_codec_control(&self->context, AOME_SET_MAX_INTRA_BITRATE_PCT, percent);
  }
  if (error == AOM_CODEC_OK) error = aom_codec_control(&self->context, AOME_SET_CPUUSED, speed[wanted->effort]);
  if (error == AOM_CODEC_OK) error = set_layers(self);
  return result(error);
}

int sidetone_aom_encode(void *handle, const image *picture, int64_t ticks, const frame *how, packet *out) {
  encoder *self = handle;
  aom_image_t raw;
  memset(out, 0, sizeof *out);
  if (!aom_img_wrap(&raw, AOM_IMG_FMT_I420, picture->width, picture->height, 1, (unsigned char *)picture->planes[0]))
    return RESULT_INVALID;
  for (int plane = 0; plane < 3; plane++) {
    raw.planes[plane] = (unsigned char *)picture->planes[plane];
    raw.stride[plane] = (int)picture->strides[plane];
  }
  if (self->wanted.temporal_layers > 1) {
    aom_svc_layer_id_t layer = {0, (int)how->temporal};
    aom_codec_err_t error = aom_codec_control(&self->context, AV1E_SET_SVC_LAYER_ID, &layer);
    if (error != AOM_CODEC_OK) return result(error);
    if (!how->key) {
      // Slot 0 is what the caller calls last, slot 1 golden; the other references look at slot 0 and stay unused.
      aom_svc_ref_frame_config_t references;
      memset(&references, 0, sizeof references);
      references.ref_idx[3] = 1;
      references.reference[0] = how->reads & 1;
      references.reference[3] = (how->reads >> 1) & 1;
      references.refresh[0] = how->writes & 1;
      references.refresh[1] = (how->writes >> 1) & 1;
      error = aom_codec_control(&self->context, AV1E_SET_SVC_REF_FRAME_CONFIG, &references);
      if (error != AOM_CODEC_OK) return result(error);
    }
  }
  uint32_t rate = self->wanted.millihertz;
  unsigned long duration = (unsigned long)(90000000ull / (rate ? rate : 1));
  aom_enc_frame_flags_t flags = how->key ? AOM_EFLAG_FORCE_KF : 0;
  aom_codec_err_t error = aom_codec_encode(&self->context, &raw, ticks, duration ? duration : 1, flags);
  if (error != AOM_CODEC_OK) return result(error);
  aom_codec_iter_t iterator = NULL;
  const aom_codec_cx_pkt_t *found;
  while ((found = aom_codec_get_cx_data(&self->context, &iterator))) {
    if (found->kind != AOM_CODEC_CX_FRAME_PKT) continue;
    out->data = found->data.frame.buf;
    out->size = found->data.frame.sz;
    out->key = (found->data.frame.flags & AOM_FRAME_IS_KEY) != 0;
  }
  int quantizer = 0;
  if (out->size && aom_codec_control(&self->context, AOME_GET_LAST_QUANTIZER, &quantizer) == AOM_CODEC_OK)
    out->quantizer = quantizer;
  return 0;
}

void sidetone_aom_encoder_free(void *handle) {
  encoder *self = handle;
  aom_codec_destroy(&self->context);
  free(self);
}

typedef struct {
  aom_codec_ctx_t context;
  uint32_t max_pixels;
  uint8_t *grey; // chroma of pictures that have none
  size_t grey_size;
} decoder;

int sidetone_aom_decoder_new(uint32_t codec, uint32_t threads, uint32_t max_pixels, void **made) {
  (void)codec;
  decoder *self = calloc(1, sizeof *self);
  if (!self) return RESULT_MEMORY;
  self->max_pixels = max_pixels;
  aom_codec_dec_cfg_t config = {threads, 0, 0, 1};
  aom_codec_err_t error = aom_codec_dec_init(&self->context, aom_codec_av1_dx(), &config, 0);
  if (error != AOM_CODEC_OK) {
    free(self);
    return result(error);
  }
  *made = self;
  return 0;
}

// Looks at every sequence header of a temporal unit: no frame may be larger than it says (AV1 section 5.5).
static int check_size(const uint8_t *data, size_t size, uint32_t max_pixels) {
  while (size) {
    const uint8_t *start = data;
    int type = (data[0] >> 3) & 15, extended = (data[0] >> 2) & 1, sized = (data[0] >> 1) & 1;
    size_t position = 1 + (size_t)extended, length = 0;
    if (!sized) return RESULT_CORRUPT;
    for (int byte = 0;; byte++) {
      if (byte == 8 || position >= size) return RESULT_CORRUPT;
      uint8_t bits = data[position++];
      length |= (size_t)(bits & 127) << (byte * 7);
      if (!(bits & 128)) break;
    }
    if (length > size - position) return RESULT_CORRUPT;
    if (type == 1) {
      aom_codec_stream_info_t info;
      memset(&info, 0, sizeof info);
      if (aom_codec_peek_stream_info(aom_codec_av1_dx(), start, position + length, &info) != AOM_CODEC_OK)
        return RESULT_CORRUPT;
      if ((uint64_t)info.w * info.h > max_pixels) return RESULT_LIMIT;
    }
    data += position + length;
    size -= position + length;
  }
  return 0;
}

int sidetone_aom_decode(void *handle, const uint8_t *data, size_t size, image *out) {
  decoder *self = handle;
  if (!data || size == 0 || size > UINT32_MAX / 2) return RESULT_CORRUPT;
  int checked = check_size(data, size, self->max_pixels);
  if (checked) return checked;
  aom_codec_err_t error = aom_codec_decode(&self->context, data, size, NULL);
  const aom_image_t *found = NULL, *next;
  aom_codec_iter_t iterator = NULL;
  while ((next = aom_codec_get_frame(&self->context, &iterator))) found = next;
  // Also where it speaks of memory: it says so of empty partitions, too.
  if (error != AOM_CODEC_OK) return RESULT_CORRUPT;
  int corrupted = 0;
  if (aom_codec_control(&self->context, AOMD_GET_FRAME_CORRUPTED, &corrupted) == AOM_CODEC_OK && corrupted)
    return RESULT_CORRUPT;
  if (!found) return 0;
  if (found->fmt != AOM_IMG_FMT_I420 || found->bit_depth > 8) return RESULT_FORMAT;
  if ((uint64_t)found->d_w * found->d_h > self->max_pixels) return RESULT_LIMIT;
  for (int plane = 0; plane < 3; plane++) {
    if (!(plane && found->monochrome) && found->stride[plane] <= 0) return RESULT_FORMAT;
    out->planes[plane] = found->planes[plane];
    out->strides[plane] = (uint32_t)found->stride[plane];
  }
  out->width = found->d_w;
  out->height = found->d_h;
  out->bt709 = found->mc == AOM_CICP_MC_BT_709;
  out->full_range = found->range == AOM_CR_FULL_RANGE;
  if (found->monochrome) {
    size_t row = ((size_t)found->d_w + 1) / 2;
    if (self->grey_size < row) {
      free(self->grey);
      self->grey_size = 0;
      self->grey = malloc(row);
      if (!self->grey) return RESULT_MEMORY;
      memset(self->grey, 128, row);
      self->grey_size = row;
    }
    // One row for all.
    out->planes[1] = out->planes[2] = self->grey;
    out->strides[1] = out->strides[2] = 0;
  }
  return 1;
}

void sidetone_aom_decoder_free(void *handle) {
  decoder *self = handle;
  aom_codec_destroy(&self->context);
  free(self->grey);
  free(self);
}
