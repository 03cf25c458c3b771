/* mock_kafka.c - librdkafka's mock Kafka in a process of its own, so that what it costs is not
 * counted with whoever is measured.
 *
 *     mock_kafka topic=name [partitions=12]
 *
 * Three brokers that keep nothing for long. Prints their addresses on one line; ends when its
 * input does.
 */
#include "common.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* As Kafka does it; the mock does not, and its answers would wait 40 ms for an acknowledgement of
 * TCP's whenever the client has nothing to say in between. */
__attribute__((visibility("default"))) int accept(int fd, struct sockaddr *address, socklen_t *size)
{
    int client = accept4(fd, address, size, 0), on = 1;

    if (client >= 0)
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return client;
}

int main(int argc, char **argv)
{
    long partitions = bench_number(argc, argv, "partitions", "12");
    const char *topic = bench_option(argc, argv, "topic", NULL);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_mock_cluster_t *mock;
    char why[256], byte;
    rd_kafka_t *rk;

    rd_kafka_conf_set(conf, "log_level", "3", why, sizeof(why));
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!rk)
        bench_die("%s", why);
    mock = rd_kafka_mock_cluster_new(rk, 3);
    if (!mock || rd_kafka_mock_topic_create(mock, topic, (int)partitions, 1))
        bench_die("there is no mock Kafka");
    printf("%s\n", rd_kafka_mock_cluster_bootstraps(mock));
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(rk);
    return EXIT_SUCCESS;
}
