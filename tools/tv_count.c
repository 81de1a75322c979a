/* Counts the instructions of a program under qemu's user mode. The few declarations of qemu's plugin
   interface, version 1, stand here: Debian ships no header of it. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef uint64_t qemu_plugin_id_t;
typedef void (*qemu_plugin_tb_cb)(qemu_plugin_id_t id, void *tb);
typedef void (*qemu_plugin_udata_cb)(qemu_plugin_id_t id, void *userdata);
enum { ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_tb_cb cb);
void qemu_plugin_register_vcpu_tb_exec_inline(void *tb, int op, void *ptr, uint64_t imm);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, qemu_plugin_udata_cb cb, void *data);
size_t qemu_plugin_tb_n_insns(const void *tb);

int qemu_plugin_version = 1;
static uint64_t executed;

/* Threads add without a lock: what two of them add in the same moment may be lost. */
static void translated(qemu_plugin_id_t id, void *tb)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD_U64, &executed, qemu_plugin_tb_n_insns(tb));
}

static void ended(qemu_plugin_id_t id, void *data)
{
    (void)id, (void)data;
    fprintf(stderr, "instructions %" PRIu64 "\n", executed);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info, (void)argc, (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, 0);
    return 0;
}
