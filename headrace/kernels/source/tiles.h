// A processor's tile registers (AMX): eight of 16 rows of 64 bytes, and leave to use them.
#pragma once

#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace headrace {

constexpr int64_t TILE_BYTES = 1024;
constexpr int64_t TILE_ROWS = 16;
constexpr int64_t TILE_WIDTH = 64;  // bytes of a row: 64 codes, or 16 sums

// Whether the system lets this process use tiles; asked once, for all of its threads (Linux,
// Documentation/arch/x86/xstate).
inline bool may_use_tiles() {
    constexpr long ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18;
    static const bool may = syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
    return may;
}

// GCC does not know that a tile load reads memory: this holds it to the order of what is stored before.
inline void settle() { asm volatile("" ::: "memory"); }

// How large each tile is, as the processor reads it; none is there unless it is said.
struct alignas(64) TileLayout {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {};
    uint8_t rows[16] = {};
};

// All tiles whole, as long as this lives on its thread. Other libraries set them for themselves, before and after.
class Tiles {
  public:
    Tiles() {
        TileLayout layout;
        for (int tile = 0; tile < 8; ++tile) {
            layout.row_bytes[tile] = TILE_WIDTH;
            layout.rows[tile] = TILE_ROWS;
        }
        _tile_loadconfig(&layout);
    }
    ~Tiles() { _tile_release(); }
    Tiles(const Tiles&) = delete;
    Tiles& operator=(const Tiles&) = delete;
};

}  // namespace headrace
