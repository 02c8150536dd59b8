"""What Parley changes in pjmedia's jitter buffer. How much delay it has is decided by `jitter/delay.h`, which is pure;
a step more or less is heard as `jitter/overlap.h` says.

pjmedia's own rule took a burst of packets for the delay that is needed. Where packets come just at the tick, as they do
for minutes when the far end's clock drifts, it gave a frame away and missed it again every few seconds.
"""

from __future__ import annotations

_BUFFER = "pjmedia/src/pjmedia/jbuf.c"
_STREAM = "pjmedia/src/pjmedia/stream.c"

_POLICY = r"""
static pj_int64_t time_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (pj_int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static pj_int64_t frame_us(const pjmedia_jbuf *jb)
{
    return (pj_int64_t)jb->jb_frame_ptime * 1000 / jb->jb_frame_ptime_denum;
}

/* Before a frame is put: what was concealed while nothing was there stood for what is lost; the rest is more delay, and
 * what was not concealed yet will be. Without this a lost packet would move what follows in time.
 */
static void resume_time(pjmedia_jbuf *jb, int seq)
{
    jb_framelist_t *list = &jb->jb_framelist;
    int ahead = seq - list->origin, passed, pause = (int)(1000000 / frame_us(jb)), i;

    list->now = time_us();
    if (list->origin == INVALID_OFFSET)
        return;
    if (ahead < 0) {
        pj_uint64_t place = ahead >= -64 ? (pj_uint64_t)1 << (-1 - ahead) : 0;
        if (jb->jb_missed & place)
            delay_missed(&jb->jb_delay_rule, list->now,
                         list->now - jb->jb_got_at + (-1 - ahead) * frame_us(jb) / DELAY_STEP_US * DELAY_STEP_US);
        jb->jb_missed &= ~place;
        return;
    }
    if (list->size)
        return;
    passed = PJ_MIN(ahead, jb->jb_starved);
    list->origin += passed;
    for (i = 0; i < PJ_MIN(passed, 64); ++i)
        jb->jb_missed = jb->jb_missed << 1 | 1;
    if (passed < jb->jb_starved && jb->jb_starved < pause)
        delay_ran_dry(&jb->jb_delay_rule, list->now, (jb->jb_starved - passed) * frame_us(jb));
    jb->jb_starved = 0;
    if (ahead - passed > jb->jb_max_prefetch) {
        list->origin = seq;
        jb->jb_missed = 0;
    }
}

/* At the beginning: whether the first packet came just in time, so that the next would be too late as often as not. */
static pj_bool_t is_tight(pjmedia_jbuf *jb, pj_int64_t now)
{
    return !jb->jb_delay_rule.span_ends && !jb->jb_held_back && jb->jb_framelist.size &&
           now - jb->jb_framelist.came[jb->jb_framelist.head] < DELAY_START_US;
}

PJ_DEF(void) pjmedia_jbuf_concealed(pjmedia_jbuf *jb, unsigned frames)
{
    jb->jb_starved += (int)frames;
}

PJ_DEF(int) pjmedia_jbuf_wish(const pjmedia_jbuf *jb, unsigned frames, pj_bool_t *urgent)
{
    const jb_framelist_t *list = &jb->jb_framelist;
    pj_int64_t now = time_us();
    int wish = delay_wish(&jb->jb_delay_rule, now);
    unsigned i;

    *urgent = delay_is_urgent(&jb->jb_delay_rule, now);
    if (jb->jb_prefetching || (wish > 0 && (int)list->size >= jb->jb_max_prefetch))
        return 0;
    for (i = 0; wish < 0 && i < 2 * frames; ++i)
        if (i >= list->size ||
            list->frame_type[(list->head + i) % list->max_count] != PJMEDIA_JB_NORMAL_FRAME)
            return 0;
    return wish;
}

PJ_DEF(void) pjmedia_jbuf_moved(pjmedia_jbuf *jb, int frames)
{
    delay_moved(&jb->jb_delay_rule, time_us(), frames * frame_us(jb));
}

"""

_TICK = r"""
/* A tick of the far end's audio, and now and then a step of delay more or less: two ticks become one, or one is spoken
 * twice, where it is not heard. pjmedia would leave out 20 ms and put concealment of 10 ms there.
 */
static pj_status_t get_frame(pjmedia_port *port, pjmedia_frame *frame)
{
    pjmedia_stream *stream = (pjmedia_stream*) port->port_data.pdata;
    pjmedia_stream_common *c_strm = &stream->base;
    unsigned samples = PJMEDIA_PIA_SPF(&port->info), frames;
    pj_bool_t urgent = PJ_FALSE, inaudible;
    pj_int16_t *pcm = (pj_int16_t*) frame->buf;
    pj_int64_t energy;
    pj_status_t status;
    int wish = 0;

    if (stream->kept_is_full) {
        stream->kept_is_full = PJ_FALSE;
        pjmedia_copy_samples(pcm, stream->kept, samples);
        pjmedia_copy_samples(stream->last, stream->kept, samples);
        frame->type = PJMEDIA_FRAME_TYPE_AUDIO;
        frame->size = samples * BYTES_PER_SAMPLE;
        frame->timestamp.u64 = 0;
        return PJ_SUCCESS;
    }

    frames = samples * 1000 / stream->codec_param.info.channel_cnt * stream->dec_ptime_denum /
             stream->codec_param.info.clock_rate / stream->dec_ptime;
    pj_mutex_lock(c_strm->jb_mutex);
    if (frames && !(stream->dec_buf && stream->dec_buf_pos < stream->dec_buf_count))
        wish = pjmedia_jbuf_wish(c_strm->jb, frames, &urgent);
    pj_mutex_unlock(c_strm->jb_mutex);

    status = get_tick(port, frame);
    if (status != PJ_SUCCESS || frame->type != PJMEDIA_FRAME_TYPE_AUDIO || frame->size != samples * BYTES_PER_SAMPLE) {
        stream->last_is_good = PJ_FALSE;
        return status;
    }
    energy = overlap_energy(pcm, samples);
    stream->loud = PJ_MAX(energy, stream->loud - stream->loud / 512);
    inaudible = stream->last_is_good && overlap_is_inaudible(stream->last, pcm, samples, stream->loud);
    if (wish && (inaudible || urgent)) {
        if (wish < 0) {
            pjmedia_frame more = *frame;
            more.buf = stream->kept;
            status = get_tick(port, &more);
            if (status == PJ_SUCCESS && more.type == PJMEDIA_FRAME_TYPE_AUDIO && more.size == frame->size)
                overlap_add(pcm, stream->kept, samples);
            status = PJ_SUCCESS;
        } else if (stream->last_is_good) {
            pjmedia_copy_samples(stream->kept, pcm, samples);
            stream->kept_is_full = PJ_TRUE;
            overlap_add(pcm, stream->last, samples);
        } else {
            wish = 0;
        }
        pj_mutex_lock(c_strm->jb_mutex);
        pjmedia_jbuf_moved(c_strm->jb, wish * (int)frames);
        pj_mutex_unlock(c_strm->jb_mutex);
    }
    pjmedia_copy_samples(stream->last, pcm, samples);
    stream->last_is_good = PJ_TRUE;
    return PJ_SUCCESS;
}

"""

JITTER_PATCHES = (
    (
        "pjmedia/include/pjmedia/jbuf.h",
        "PJ_DECL(pj_bool_t) pjmedia_jbuf_is_full(const pjmedia_jbuf *jb);",
        "PJ_DECL(pj_bool_t) pjmedia_jbuf_is_full(const pjmedia_jbuf *jb);\n\n"
        "/* Parley: more frames were concealed than were asked for while the buffer was empty. */\n"
        "PJ_DECL(void) pjmedia_jbuf_concealed(pjmedia_jbuf *jb, unsigned frames);\n"
        "/* Parley: a tick of so many frames more (1) or less (-1) is wished, and may be had now. */\n"
        "PJ_DECL(int) pjmedia_jbuf_wish(const pjmedia_jbuf *jb, unsigned frames, pj_bool_t *urgent);\n"
        "/* Parley: it was done, so many frames more (or less, negative). */\n"
        "PJ_DECL(void) pjmedia_jbuf_moved(pjmedia_jbuf *jb, int frames);",
    ),
    (
        _BUFFER,
        "#include <pj/string.h>\n",
        "#include <pj/string.h>\n#include <pjmedia/parley_delay.h>\n#include <time.h>\n",
    ),
    (
        _BUFFER,
        "    pj_uint32_t     *ts;                /**< timestamp array                */\n",
        "    pj_uint32_t     *ts;                /**< timestamp array                */\n"
        "    pj_int64_t      *came;              /* when each frame came, us */\n"
        "    pj_int64_t       now;               /* of the operation that is under way, us */\n"
        "    pj_int64_t       waited;            /* the frame that was got, us; negative: nothing came */\n",
    ),
    (
        _BUFFER,
        "    framelist->ts           = (pj_uint32_t*)\n",
        "    framelist->came         = (pj_int64_t*)\n"
        "                              pj_pool_alloc(pool,\n"
        "                                            sizeof(framelist->came[0])*\n"
        "                                            framelist->max_count);\n"
        "    framelist->ts           = (pj_uint32_t*)\n",
    ),
    (
        _BUFFER,
        "    framelist->ts[pos] = ts;\n",
        "    framelist->ts[pos] = ts;\n    framelist->came[pos] = framelist->now;\n",
    ),
    (
        _BUFFER,
        "                pj_size_t frm_size = framelist->content_len[framelist->head];\n",
        "                pj_size_t frm_size = framelist->content_len[framelist->head];\n"
        "                if (framelist->frame_type[framelist->head] == PJMEDIA_JB_NORMAL_FRAME)\n"
        "                    framelist->waited = framelist->now - framelist->came[framelist->head];\n",
    ),
    # A gap of a few frames in front of the first packet after an empty buffer is a loss, and has its time.
    (
        _BUFFER,
        "    if (framelist->size == 0) {\n        pj_assert(framelist->discarded_num == 0);",
        "    if (framelist->size == 0 && (framelist->origin == INVALID_OFFSET || distance < 0 ||\n"
        "                                 distance >= (int)framelist->max_count / 2))\n"
        "    {\n        pj_assert(framelist->discarded_num == 0);",
    ),
    (
        _BUFFER,
        "    int             jb_discard_ref;     /**< Seq # of last frame deleted or\n",
        "    delay           jb_delay_rule;\n"
        "    int             jb_starved;         /* frames concealed while it was empty */\n"
        "    pj_int64_t      jb_got_at;          /* us */\n"
        "    pj_uint64_t     jb_missed;          "
        "/* of the frames before the head, the last in bit 0: was not there */\n"
        "    pj_bool_t       jb_held_back;       /* one tick at the beginning, for a packet that came just in time */\n"
        "    int             jb_discard_ref;     /**< Seq # of last frame deleted or\n",
    ),
    (
        _BUFFER,
        '    jb_framelist_reset(&jb->jb_framelist);\n\n    PJ_LOG(5, (jb->jb_name.ptr, "Jitter buffer reset"));',
        "    jb->jb_starved       = 0;\n"
        "    jb->jb_missed        = 0;\n"
        "    jb->jb_held_back     = PJ_FALSE;\n"
        "    delay_reset(&jb->jb_delay_rule);\n\n"
        '    jb_framelist_reset(&jb->jb_framelist);\n\n    PJ_LOG(5, (jb->jb_name.ptr, "Jitter buffer reset"));',
    ),
    (
        _BUFFER,
        "PJ_DEF(void) pjmedia_jbuf_put_frame( pjmedia_jbuf *jb,\n",
        _POLICY + "PJ_DEF(void) pjmedia_jbuf_put_frame( pjmedia_jbuf *jb,\n",
    ),
    (
        _BUFFER,
        "    cur_size = jb_framelist_eff_size(&jb->jb_framelist);\n\n    /* Check if frame size is larger",
        "    cur_size = jb_framelist_eff_size(&jb->jb_framelist);\n"
        "    resume_time(jb, frame_seq);\n\n    /* Check if frame size is larger",
    ),
    # What is to be in before the first frame is given does not depend on bursts of another time.
    (_BUFFER, "            if (new_size >= jb->jb_prefetch)\n", "            if (new_size >= jb->jb_init_prefetch)\n"),
    (
        _BUFFER,
        "    if (jb->jb_prefetching) {\n\n        /* Can't return frame",
        "    pj_int64_t now = time_us();\n\n"
        "    if (!jb->jb_prefetching && is_tight(jb, now)) {\n"
        "        jb->jb_held_back = PJ_TRUE;\n"
        "        *p_frame_type = PJMEDIA_JB_ZERO_PREFETCH_FRAME;\n"
        "        if (size)\n"
        "            *size = 0;\n"
        "        return;\n"
        "    }\n"
        "    jb->jb_framelist.now = now;\n"
        "    jb->jb_framelist.waited = -1;\n"
        "    if (jb->jb_prefetching) {\n\n        /* Can't return frame",
    ),
    (
        _BUFFER,
        "            if (ftype == PJMEDIA_JB_NORMAL_FRAME) {\n"
        "                *p_frame_type = PJMEDIA_JB_NORMAL_FRAME;\n",
        "            jb->jb_got_at = now;\n"
        "            jb->jb_missed = jb->jb_missed << 1 | (ftype != PJMEDIA_JB_NORMAL_FRAME);\n"
        "            if (ftype == PJMEDIA_JB_NORMAL_FRAME) {\n"
        "                delay_heard(&jb->jb_delay_rule, now, jb->jb_framelist.waited);\n"
        "                *p_frame_type = PJMEDIA_JB_NORMAL_FRAME;\n",
    ),
    # A buffer that ran dry waits for the next packet, not for a burst of them.
    (
        _BUFFER,
        "            if (jb->jb_prefetch)\n                jb->jb_prefetching = PJ_TRUE;\n\n",
        "            jb->jb_starved++;\n            jb->jb_got_at = now;\n\n",
    ),
    # The stream conceals the rest of its tick in one go.
    (
        _STREAM,
        "                if (synthesize_samples(stream, samples_needed,\n"
        "                                       samples_per_frame, &frame_out))\n"
        "                {\n"
        '                    with_plc = ", plc invoked";\n',
        "                if (samples_needed > samples_per_frame)\n"
        "                    pjmedia_jbuf_concealed(c_strm->jb, samples_needed / samples_per_frame - 1);\n"
        "                if (synthesize_samples(stream, samples_needed,\n"
        "                                       samples_per_frame, &frame_out))\n"
        "                {\n"
        '                    with_plc = ", plc invoked";\n',
    ),
    (
        _STREAM,
        "#include <pjmedia/jbuf.h>\n",
        "#include <pjmedia/jbuf.h>\n#include <pjmedia/parley_overlap.h>\n",
    ),
    (
        _STREAM,
        "    unsigned                 plc_cnt;       /**< # of consecutive PLC frames*/\n",
        "    pj_int16_t              *kept;          /* a tick that comes next */\n"
        "    pj_bool_t                kept_is_full;\n"
        "    pj_int16_t              *last;          /* what the last tick was */\n"
        "    pj_bool_t                last_is_good;\n"
        "    pj_int64_t               loud;          /* energy of the loudest of late */\n"
        "    unsigned                 plc_cnt;       /**< # of consecutive PLC frames*/\n",
    ),
    (
        _STREAM,
        "static pj_status_t get_frame( pjmedia_port *port, pjmedia_frame *frame)\n",
        "static pj_status_t get_tick( pjmedia_port *port, pjmedia_frame *frame)\n",
    ),
    (
        _STREAM,
        "/* The other version of get_frame callback used when stream port format\n",
        _TICK + "/* The other version of get_frame callback used when stream port format\n",
    ),
    (
        _STREAM,
        "    /* Create jitter buffer */\n    status = pjmedia_jbuf_create(",
        "    stream->kept = pj_pool_calloc(pool, PJMEDIA_PIA_SPF(&c_strm->port.info), sizeof(pj_int16_t));\n"
        "    stream->last = pj_pool_calloc(pool, PJMEDIA_PIA_SPF(&c_strm->port.info), sizeof(pj_int16_t));\n\n"
        "    /* Create jitter buffer */\n    status = pjmedia_jbuf_create(",
    ),
)
"""File, text, and what stands there instead."""
