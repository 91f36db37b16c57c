/**
 * The peer with processes: node:cluster runs the program named by the first argument in WORKERS processes.
 */
import cluster from 'node:cluster';

cluster.setupPrimary({ exec: process.argv[2] });
for (let i = 0; i < Number(process.env.WORKERS); i++) cluster.fork();
