/*
 * A plugin of qemu's user mode: counts the instructions that a program executes, in all of its
 * threads, into a file that is mapped into memory, so that whoever maps it too can read the number
 * while the program runs.
 *
 *     cc -shared -fPIC -O2 -o count_instructions.so count_instructions.c
 *     qemu-aarch64 -plugin count_instructions.so,into=COUNT PROGRAM
 *
 * A block that ends early, by a fault, counts as a whole.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The part of qemu's plugin interface that is used, version 1; Debian does not ship its header. */
struct qemu_plugin_tb;
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t plugin,
                                           void (*translated)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block,
                                          void (*executed)(unsigned int, void *), int registers,
                                          void *data);
int qemu_plugin_version = 1;

static uint64_t *count;

static void executed(unsigned int processor, void *instructions)
{
    (void)processor;
    __atomic_fetch_add(count, (uint64_t)(uintptr_t)instructions, __ATOMIC_RELAXED);
}

static void translated(uint64_t plugin, struct qemu_plugin_tb *block)
{
    (void)plugin;
    size_t instructions = qemu_plugin_tb_n_insns(block);
    qemu_plugin_register_vcpu_tb_exec_cb(block, executed, 0, (void *)instructions);
}

int qemu_plugin_install(uint64_t plugin, const void *about, int argc, char **argv)
{
    (void)about;
    if (argc != 1 || strncmp(argv[0], "into=", 5) != 0) {
        fputs("count_instructions: into=PATH is needed\n", stderr);
        return -1;
    }
    int file = open(argv[0] + 5, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof *count) != 0) {
        perror(argv[0]);
        return -1;
    }
    count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (count == MAP_FAILED) {
        perror(argv[0]);
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(plugin, translated);
    return 0;
}
