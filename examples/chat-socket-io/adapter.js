/**
 * What `io.emit`, rooms and the like need to reach the sockets of every worker: an adapter of socket.io on a channel.
 *
 *   io.adapter(betweenWorkers)
 */
import { ClusterAdapterWithHeartbeat } from 'socket.io-adapter';
import { channel } from 'tsgi-threads/channel';

class ChannelAdapter extends ClusterAdapterWithHeartbeat {
  #channel;

  constructor(namespace) {
    super(namespace, {});
    this.#channel = channel(`socket.io${namespace.name}`);
    this.#channel.subscribe((message) => this.onMessage(message));
  }

  async doPublish(message) {
    this.#channel.publish(message);
    // What is not kept has no offset to go on from.
    return '';
  }

  async doPublishResponse(_, response) {
    this.#channel.publish(response);
  }

  close() {
    super.close();
    this.#channel.close();
  }
}

export function betweenWorkers(namespace) {
  return new ChannelAdapter(namespace);
}
